package upstream

// CloseIdle closes the kept connections; those in use stay. After a sleep of the machine their
// other ends have long forgotten them.
func (p *Pool) CloseIdle() {
	p.mu.Lock()
	dead := p.idle
	p.idle = nil
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.mu.Unlock()
	for _, c := range dead {
		c.close()
	}
}
