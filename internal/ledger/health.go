package ledger

import "fmt"

// AppendJSON appends ev as one JSON object on one line, unknown fields left out. The names are
// the column names of table health_events.
func (ev *HealthEvent) AppendJSON(dst []byte) []byte {
	enc := encoder{append(dst, '{')}
	enc.health(ev)
	return append(enc.b, '}')
}

// MarshalJSON is [HealthEvent.AppendJSON].
func (ev *HealthEvent) MarshalJSON() ([]byte, error) { return ev.AppendJSON(nil), nil }

// UnmarshalJSON reads what [HealthEvent.AppendJSON] wrote.
func (ev *HealthEvent) UnmarshalJSON(b []byte) error {
	lex := newLexer(b)
	lex.health(ev)
	if lex.bad {
		return fmt.Errorf("decode health event: %w", errSyntax)
	}
	return nil
}

// Health records a change of the health of a profile, or of one of its keys.
func (j *Journal) Health(ev *HealthEvent) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	start := j.beginRecord(KindHealth)
	j.enc.health(ev)
	return j.commit(KindHealth, start)
}

func (e *encoder) health(ev *HealthEvent) {
	e.time("event_at", ev.EventAt)
	e.text("profile", ev.Profile, capName)
	e.text("key", ev.Key, capName)
	e.text("from_state", ev.FromState, capName)
	e.text("to_state", ev.ToState, capName)
	e.text("why", ev.Why, capMessage)
	e.time("until", ev.Until)
}

// health reads one object into ev.
func (x *lexer) health(ev *HealthEvent) {
	*ev = HealthEvent{}
	if !x.open('{') {
		return
	}
	for x.more('}') {
		switch string(x.key()) {
		case "event_at":
			ev.EventAt = x.time()
		case "profile":
			ev.Profile = x.name()
		case "key":
			ev.Key = x.name()
		case "from_state":
			ev.FromState = x.name()
		case "to_state":
			ev.ToState = x.name()
		case "why":
			ev.Why = x.text()
		case "until":
			ev.Until = x.time()
		default:
			x.skip(0)
		}
	}
}
