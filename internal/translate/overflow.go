package translate

import (
	"regexp"
	"strconv"
	"strings"

	"prism/config"
)

// overflow is a prompt that does not fit, in tokens; 0 = the provider did not say.
type overflow struct {
	prompt int64 // of the prompt
	output int64 // that were asked for
	limit  int64 // that the model can read and write

	letters bool // it is counted in letters
	guessed bool // prompt is an estimate, and only the answer was looked at
}

// The numbers in the texts of providers. They are looked for in this order; a text that names none
// says enough by its words.
var (
	sumNumbers     = regexp.MustCompile(`([0-9][0-9,]*) \+ ([0-9][0-9,]*) > ([0-9][0-9,]*)`)
	rangeNumber    = regexp.MustCompile(`length[^0-9]{0,40}\[\s*[01]\s*,\s*([0-9][0-9,]*)\s*\]`)
	limitNumber    = regexp.MustCompile(`\blimit(?: is| of|:)?\s*\(?([0-9][0-9,]*)`)
	contextNumber  = regexp.MustCompile(`context (?:length|size|window)(?: is| of|:)?(?: only)?\s*\(?([0-9][0-9,]*)`)
	maximumNumber  = regexp.MustCompile(`max[^.;0-9]{0,60}?(?:is|of|only|:|\(|<=|allowed|len|length)\s*\(?([0-9][0-9,]*)`)
	supportsNumber = regexp.MustCompile(`(?:up to|less than|max_seq_len|max_model_len|max_total_tokens)[\s=]+([0-9][0-9,]*)`)
	trailingNumber = regexp.MustCompile(`([0-9][0-9,]*)(?: tokens?)? maximum`)

	promptNumber = regexp.MustCompile(`(?:contains(?: at least)?|\bhas|you passed|token count(?: of| is)?|(?:prompt|input|request)(?:_tokens| length| tokens| \((?:total )?length)?|given:|current length is|too long:|keep the first)\s*\(?([0-9][0-9,]*)`)
	partNumbers  = regexp.MustCompile(`([0-9][0-9,]*)(?: tokens)? (?:in (?:the|your) (?:messages|prompt|functions|input)|of (?:text|tool|image|audio) input|from the input)`)
	outputNumber = regexp.MustCompile(`([0-9][0-9,]*)(?: tokens)? (?:in the (?:completion|output)|for (?:the|your) completion|output tokens|.?max_new_tokens)`)
	largeNumber  = regexp.MustCompile(`is too large: ([0-9][0-9,]*)`)
	askedNumber  = regexp.MustCompile("max_(?:[a-z]+_)?tokens['\"`]?(?: of| is|:|=)?\\s*\\(?([0-9][0-9,]*)")
	longField    = regexp.MustCompile(`(?:content|text|output|instructions|arguments|input)$`)
	totalNumber  = regexp.MustCompile(`(?:requested:?(?: about| a total of)?|resulted in|total of(?: at least)?)\s*([0-9][0-9,]*)`)
)

// invalidAtMiniMax is the name of an error, and no number of tokens, wherever it stands.
const invalidAtMiniMax = "(2013)"

// overflowOf tells whether an error is about a prompt that is too long, or an answer that would
// not fit behind it. Status 0 is an error within a stream.
func overflowOf(status int, r *Report) (o overflow, ok bool) {
	text := r.all()
	pace := says(text, "limited")
	switch {
	case status == 401 || status == 402 || status == 403 || status == 404:
		return o, false
	case says(text, "outsized") && (status == 429 || status == 413 || pace):
		o.read(text)
		return o, o.prompt > o.limit && o.limit > 0
	case status == 429 || pace && r.Prompt == 0 || !says(text, "overflow") && !r.longText():
		return o, false
	}
	o.read(text)
	o.letters = r.longText()
	if r.Prompt > 0 && r.Window > 0 {
		o.prompt, o.limit = r.Prompt, r.Window
	}
	return o, true
}

// longText tells whether one text of the conversation is longer than it may be.
func (r *Report) longText() bool {
	return r.Code == "string_above_max_length" && longField.MatchString(r.Field)
}

// read finds the numbers.
func (o *overflow) read(text string) {
	text = strings.ReplaceAll(text, invalidAtMiniMax, "")
	if m := sumNumbers.FindStringSubmatch(text); m != nil {
		o.prompt, o.output, o.limit = tokensOf(m[1]), tokensOf(m[2]), tokensOf(m[3])
		return
	}
	for _, re := range []*regexp.Regexp{rangeNumber, limitNumber, contextNumber, maximumNumber, supportsNumber, trailingNumber} {
		if o.limit = firstTokens(re, text); o.limit > 0 {
			break
		}
	}
	for _, re := range []*regexp.Regexp{outputNumber, largeNumber, askedNumber} {
		if o.output = firstTokens(re, text); o.output > 0 {
			break
		}
	}
	if o.prompt = firstTokens(promptNumber, text); o.prompt > 0 {
		return
	}
	for _, m := range partNumbers.FindAllStringSubmatch(text, -1) {
		o.prompt += tokensOf(m[1])
	}
	if total := firstTokens(totalNumber, text); o.prompt == 0 && total > o.output {
		o.prompt = total - o.output
	}
}

func firstTokens(re *regexp.Regexp, text string) int64 {
	if m := re.FindStringSubmatch(text); m != nil {
		return tokensOf(m[1])
	}
	return 0
}

// tokensOf reads a number of tokens, which may have commas. Nonsense is 0.
func tokensOf(s string) int64 {
	n, err := strconv.ParseInt(strings.ReplaceAll(s, ",", ""), 10, 64)
	if err != nil || n > maxTokens {
		return 0
	}
	return n
}

// maxTokens is more than any model can read.
const maxTokens = 100_000_000

// guess fills in the prompt where the provider does not say how long it is: the client compacts the
// better the more it knows. An estimate by which everything would fit must be wrong.
func (o *overflow) guess(prompt int64) {
	o.guessed = prompt > 0 && o.alone()
	switch {
	case prompt <= 0 || o.prompt > 0 || o.limit < minWindow || o.letters:
	case prompt < o.limit && prompt+o.output > o.limit:
		o.prompt = prompt
	default:
		o.prompt = max(prompt, o.limit+1)
	}
}

// alone tells that the answer that was asked for is too long by itself, which says nothing of the
// prompt.
func (o *overflow) alone() bool { return o.prompt == 0 && o.limit > 0 && o.output > o.limit }

// fits tells whether the prompt itself is short enough: less must be asked for.
func (o *overflow) fits() bool { return o.prompt > 0 && o.output > 0 && o.prompt < o.limit }

// failure says it in the words that the client knows: it compacts the conversation, or at once
// asks for less. The provider's own words follow.
func (o *overflow) failure(said string) *Failure {
	f := &Failure{Status: 400, Type: "invalid_request_error", Message: "prompt is too long"}
	switch {
	case o.alone() && said != "":
		f.Message, f.Lesson = said, windowLesson(o.limit)
	case o.fits():
		f.Message = "input length and `max_tokens` exceed context limit: " +
			strconv.FormatInt(o.prompt, 10) + " + " + strconv.FormatInt(o.output, 10) + " > " + strconv.FormatInt(o.limit, 10)
		f.Lesson = windowLesson(o.limit)
	case o.prompt > o.limit && o.limit > 0:
		if o.guessed {
			f.Lesson = windowLesson(o.limit)
		}
		f.Message += ": " + strconv.FormatInt(o.prompt, 10) + " tokens > " + strconv.FormatInt(o.limit, 10) + " maximum"
	}
	if said != "" && !strings.Contains(said, f.Message) {
		f.Message += ". " + said
	} else if said != "" {
		f.Message = said
	}
	return f
}

// minWindow is less than any window that is worth remembering.
const minWindow = 1024

// windowLesson remembers the window of a model: the answer is then fitted into it.
func windowLesson(limit int64) Lesson {
	if limit < minWindow {
		return Lesson{}
	}
	return Lesson{Name: "learned:context_window", Apply: func(q *config.Quirks) {
		if q.ContextWindow == 0 || q.ContextWindow > limit {
			q.ContextWindow = limit
		}
	}}
}

// Overflows tells whether the report of a status is about the length of the prompt, or of the
// prompt and the answer together.
func (r *Report) Overflows(status int) bool {
	_, ok := overflowOf(status, r)
	return ok
}
