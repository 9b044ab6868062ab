package stream

// Told is what a translated answer says that the Messages API has no field for. It is complete
// once the body was read to its end. Where Reported is set, the body has been written anew: it names
// the model that the client asked for, and has a zero or an estimate where the provider told nothing.
type Told struct {
	Model     string   // that answered, as the provider names it
	ID        string   // of the answer, as the provider names it
	Cost      string   // that the provider stated, in US dollars, a decimal; "" = none
	Reported  *Usage   // what the provider reported, unknown where it did not; nil = the body is its own
	Estimated bool     // its usage was made up from lengths
	Notes     []string // what could not be carried over; fixed words, for translation_notes
	Retry     string   // value of x-should-retry for an error that stands in the body; ""
	After     string   // value of retry-after for it; ""
	Local     bool     // nobody was asked for it: it says nothing of the provider
	Learned   bool     // the request was refused for something that is known now: it is worth sending again
	Refused   bool     // what has begun as an answer is a refusal of the request: nothing was made of it
}

// Teller is a response body that was translated.
type Teller interface{ Told() Told }
