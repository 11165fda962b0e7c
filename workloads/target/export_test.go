package target

// PID is the process id of the process that was started.
func (p *Process) PID() int { return p.pid }
