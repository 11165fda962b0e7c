package result_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// benchmarkCheck is a small check of benchmarks: two blocks of two rounds.
func benchmarkCheck() *result.Document {
	d := smallCheck()
	d.Launches, d.Slices = []result.Launch{}, []result.Slice{}
	d.Plan.Probes, d.Plan.ProbeOperation, d.Plan.Operations = 0, nil, []string{}
	d.Benchmarks = []result.Benchmark{
		{
			Name: "Encode/json-2", State: result.BenchmarkMeasured, Mode: result.ModeAlternating, Iterations: 1000, Rounds: 2,
			First: "bhhb", BaseLayouts: []int{0, 1}, HeadLayouts: []int{1, 0},
			Measures: []result.Measure{
				{Unit: "sec/op", Better: result.LowerIsBetter, Base: []float64{1e-6, 1.1e-6, 1e-6, 1e-6}, Head: []float64{1e-6, 1e-6, 1.2e-6, 1e-6}},
				{Unit: "cells/op", Base: []float64{0, 0, 0, 0}, Head: []float64{0, 0, 0, 1}},
			},
		},
		{Name: "Decode-2", State: result.BenchmarkFailedHead, Detail: "panic: index out of range"},
	}
	return d
}

func TestBenchmarksSurviveTheFile(t *testing.T) {
	d := benchmarkCheck()
	var file bytes.Buffer
	if err := d.Write(&file); err != nil {
		t.Fatal(err)
	}
	back, err := result.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Benchmarks, back.Benchmarks); diff != "" {
		t.Error(diff)
	}
}

func TestValidateNamesTheFaultInABenchmark(t *testing.T) {
	type doc = *result.Document
	for _, c := range []struct {
		want   string
		change func(doc)
	}{
		{"/benchmarks: stand beside launches", func(d doc) { d.Launches = smallCheck().Launches }},
		{"/benchmarks: compare two arms", func(d doc) { d.Kind = result.KindRun }},
		{"/benchmarks/1/name: is \"Encode/json-2\"", func(d doc) { d.Benchmarks[1].Name = "Encode/json-2" }},
		{"/benchmarks/0/name: is \"\"", func(d doc) { d.Benchmarks[0].Name = "" }},
		{"/benchmarks/0/state: is \"ok\"", func(d doc) { d.Benchmarks[0].State = "ok" }},
		{"/benchmarks/0/measures: are there, but the state is \"new\"", func(d doc) { d.Benchmarks[0].State = result.BenchmarkNew }},
		{"/benchmarks/0/measures: are missing", func(d doc) { d.Benchmarks[0].Measures = nil }},
		{"/benchmarks/0/mode: is \"solo\"", func(d doc) { d.Benchmarks[0].Mode = result.ModeSolo }},
		{"/benchmarks/0/mode: is \"separate\" in a document of kind \"check\"", func(d doc) { d.Benchmarks[0].Mode = result.ModeSeparate }},
		{"/benchmarks/0/iterations: is -1", func(d doc) { d.Benchmarks[0].Iterations = -1 }},
		{"/benchmarks/0/base_layouts: are 3, more than", func(d doc) { d.Benchmarks[0].BaseLayouts = []int{0, 1, 0} }},
		{"/benchmarks/0/base_layouts/1: is 7, which is no layout of arm \"base\"", func(d doc) { d.Benchmarks[0].BaseLayouts[1] = 7 }},
		{"/benchmarks/0/head_layouts: are 1, need one for each of the 2 blocks", func(d doc) { d.Benchmarks[0].HeadLayouts = []int{0} }},
		{"/benchmarks/0/first: is \"bhxb\"", func(d doc) { d.Benchmarks[0].First = "bhxb" }},
		{"/benchmarks/0/first: is \"bh\"", func(d doc) { d.Benchmarks[0].First = "bh" }},
		{"/benchmarks/0/rounds: is -2", func(d doc) { d.Benchmarks[0].Rounds = -2 }},
		{"/benchmarks/0/first: is \"bhhb\", need a letter, b or h, for each of the 2000000 rounds", func(d doc) { d.Benchmarks[0].Rounds = 1_000_000 }},
		{"/benchmarks/0/measures/1/unit: is \"sec/op\"", func(d doc) { d.Benchmarks[0].Measures[1].Unit = "sec/op" }},
		{"/benchmarks/0/measures/0/better: is \"more\"", func(d doc) { d.Benchmarks[0].Measures[0].Better = "more" }},
		{"/benchmarks/0/measures/0/base: has 3 samples", func(d doc) { d.Benchmarks[0].Measures[0].Base = []float64{1, 1, 1} }},
		{"/benchmarks/0/measures/0/head/2: is NaN", func(d doc) { d.Benchmarks[0].Measures[0].Head[2] = math.NaN() }},
		{"/benchmarks/0/measures/0/head/0: is -1", func(d doc) { d.Benchmarks[0].Measures[0].Head[0] = -1 }},
	} {
		d := benchmarkCheck()
		c.change(d)
		if err := d.Validate(); err == nil || !strings.Contains("\n"+err.Error(), "\n"+c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	compare := benchmarkCheck()
	compare.Kind, compare.Plan.Mode = result.KindCompare, result.ModeSeparate
	compare.Plan.Blocks, compare.Plan.Looks, compare.Outcome.Blocks = 0, nil, 0
	b := &compare.Benchmarks[0]
	b.Mode, b.Rounds, b.First, b.BaseLayouts, b.HeadLayouts = result.ModeSeparate, 0, "", nil, nil
	b.Measures[0].Base = b.Measures[0].Base[:2] // as many as were made
	if err := compare.Validate(); err != nil {
		t.Errorf("two results made apart: %v", err)
	}
}

func TestSyntheticSuitesAreValid(t *testing.T) {
	for _, o := range []resulttest.SuiteOptions{{}, {Benchmarks: 30, Blocks: 9, Rounds: 2, RoundSD: 0.1}, {PlanBlocks: 40, Blocks: 40}} {
		if err := resulttest.Suite(o).Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestMergeRefusesBenchmarks(t *testing.T) {
	if _, err := result.Merge(benchmarkCheck(), benchmarkCheck()); err == nil || !strings.Contains(err.Error(), "holds benchmarks") {
		t.Errorf("error %v", err)
	}
}
