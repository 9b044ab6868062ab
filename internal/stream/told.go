package stream

// Told is what a translated answer says that the Messages API has no field for. It is complete
// once the body was read to its end.
type Told struct {
	Model     string   // that answered, as the provider names it
	ID        string   // of the answer, as the provider names it
	Cost      string   // that the provider stated, in US dollars, a decimal; "" = none
	Estimated bool     // its usage was made up from lengths
	Notes     []string // what could not be carried over; fixed words, for translation_notes
	Learned   bool     // the request was refused for something that is known now: it is worth sending again
}

// Teller is a response body that was translated.
type Teller interface{ Told() Told }
