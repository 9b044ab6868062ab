// Package lang says what people read in their language: one catalogue for the command line, the
// tray and the dashboard.
//
// # The catalogue
//
// The key of a text is the English text as it stands in the code, so that the code reads without
// a dictionary and a text that nobody has translated is English, never empty:
//
//	p.Text("listening on %s", addr)
//
// zh.json has the Chinese of each key, en.json only what English cannot say with the key itself:
// the other plural forms. A value is a text, or an object of plural forms, by the names of CLDR:
//
//	{"%d requests": {"one": "%d request"}}
//
// Placeholders are printf verbs. A translation has the same verbs as its key, and may number them
// (%[2]s) where its order differs. The dashboard reads the same files.
//
// # Two ways in
//
// [Printer.Text] and [Printer.Count] are for texts that are made where they are shown. What is
// made elsewhere, an error that came over the control socket or from a library, is already a
// sentence: [Printer.Translate] recognises it by the keys. So errors stay English on their way,
// in logs and in JSON, and nobody but the last one who shows them needs to know the language.
package lang
