package load

import (
	"errors"
	"fmt"
	"slices"
)

func (e *Engine) checkOpen(s OpenLoop) error {
	if len(s.Due) != len(s.Lanes) {
		return fmt.Errorf("%d timetables for %d lanes; each lane needs one", len(s.Due), len(s.Lanes))
	}
	for i, due := range s.Due {
		if len(due) != len(s.Requests) {
			return fmt.Errorf("lane %d has %d due times for %d requests; each request needs one", i, len(due), len(s.Requests))
		}
		if !slices.IsSorted(due) || len(due) > 0 && due[0] < 0 {
			return fmt.Errorf("due times of lane %d are negative or not ascending", i)
		}
	}
	return e.checkSequence(s.Lanes, s.Requests)
}

func (e *Engine) checkClosed(s ClosedLoop) error {
	if s.Duration <= 0 {
		return fmt.Errorf("duration %v; it must be positive", s.Duration)
	}
	if s.Concurrency < 1 || s.Concurrency > e.config.Connections {
		return fmt.Errorf("concurrency %d; it must be from 1 to the %d connections of a lane", s.Concurrency, e.config.Connections)
	}
	return e.checkSequence(s.Lanes, s.Requests)
}

func (e *Engine) checkSequence(lanes []*Lane, requests []Request) error {
	if len(lanes) == 0 {
		return errors.New("no lane to drive")
	}
	for i, lane := range lanes {
		if lane == nil || lane.engine != e {
			return fmt.Errorf("lane %d was not connected by this engine", i)
		}
		if slices.Index(lanes, lane) != i {
			return fmt.Errorf("lane %d is given twice", i)
		}
	}
	for i := range requests {
		r := &requests[i]
		switch {
		case int(r.Operation) >= len(e.config.Operations):
			return fmt.Errorf("request %d is of operation %d; there are %d", i, r.Operation, len(e.config.Operations))
		case r.Probe < -1 || int(r.Probe) >= e.config.Probes:
			return fmt.Errorf("request %d is probe %d; the set has %d, and -1 means none", i, r.Probe, e.config.Probes)
		case len(r.Wire) == 0:
			return fmt.Errorf("request %d is empty", i)
		}
		if r.Expect == nil {
			continue
		}
		if err := r.Expect.check(); err != nil {
			return fmt.Errorf("request %d %w", i, err)
		}
	}
	return nil
}
