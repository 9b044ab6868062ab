package router

import "bytes"

// What a prompt is estimated from. docs/routing.md says how far off that is.
const (
	bytesPerTenTokens = 36   // of JSON that is text
	imageTokens       = 1500 // an image costs by its pixels, which nobody has decoded
	pdfBytesPerToken  = 40   // of a PDF in base64
	minAttachment     = 1024 // a shorter value counts as text
)

// PromptTokens estimates how many tokens the prompt in the body of a request has. It counts
// bytes: where a rule sets a threshold, that is near enough, and a tokenizer would take longer
// than the rest of the gateway. What is attached in base64 does not count by its bytes, or every
// screenshot would make a long prompt.
func PromptTokens(body []byte) int64 {
	text, attached := int64(len(body)), int64(0)
	for rest := body; ; {
		data, after, ok := nextAttachment(rest)
		if !ok {
			break
		}
		rest = after
		if len(data) < minAttachment {
			continue
		}
		text -= int64(len(data))
		if bytes.HasPrefix(data, []byte("JVBERi0")) { // %PDF-
			attached += int64(len(data)) / pdfBytesPerToken
		} else {
			attached += imageTokens
		}
	}
	if len(body) == 0 {
		return 0
	}
	return max(1, text*10/bytesPerTenTokens+attached)
}

// nextAttachment finds the next string that is the value of a field data. Quotes within strings
// of a JSON text are escaped, so what looks like the field is one, or a string of that name that
// no colon follows.
func nextAttachment(body []byte) (data, rest []byte, ok bool) {
	const field = `"data"`
	for {
		i := bytes.Index(body, []byte(field))
		if i < 0 {
			return nil, nil, false
		}
		body = bytes.TrimLeft(body[i+len(field):], " \t\r\n")
		value, found := bytes.CutPrefix(body, []byte(":"))
		if !found {
			continue
		}
		value = bytes.TrimLeft(value, " \t\r\n")
		if value, found = bytes.CutPrefix(value, []byte(`"`)); !found {
			continue
		}
		end := bytes.IndexByte(value, '"')
		if end < 0 {
			return nil, nil, false
		}
		return value[:end], value[end:], true
	}
}
