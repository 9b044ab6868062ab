package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stranger verifies the credential of a request. It returns the name of the error and its text,
// "" where the credential is good.
func (c *Cloud) stranger(r *http.Request, door *doorway, body []byte) (name, message string) {
	given := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(given, "Bearer "); ok {
		switch {
		case c.opt.Token != "" && token == c.opt.Token:
			return "", ""
		case door.google:
			return "UNAUTHENTICATED", "Request had invalid authentication credentials."
		}
		return "AccessDeniedException", "Invalid API Key format: Must start with pre-defined prefix"
	}
	if door.google {
		return "UNAUTHENTICATED", "Request is missing required authentication credential."
	}
	return c.unsigned(r, given, body)
}

// unsigned verifies a signature of version 4.
func (c *Cloud) unsigned(r *http.Request, given string, body []byte) (name, message string) {
	rest, ok := strings.CutPrefix(given, "AWS4-HMAC-SHA256 ")
	if !ok {
		return "MissingAuthenticationTokenException", "Missing Authentication Token"
	}
	part := map[string]string{}
	for one := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(one), "=")
		part[k] = v
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	day, _, _ := strings.Cut(date, "T")
	scope := day + "/" + c.opt.Region + "/" + c.opt.Service + "/aws4_request"
	signed := strings.Split(part["SignedHeaders"], ";")
	switch {
	case c.opt.Access == "" || part["Credential"] != c.opt.Access+"/"+scope:
		return "UnrecognizedClientException", "The security token included in the request is invalid."
	case c.opt.Session != "" && r.Header.Get("X-Amz-Security-Token") != c.opt.Session:
		return "ExpiredTokenException", "The security token included in the request is expired"
	case err != nil || c.s.now().Sub(at).Abs() > 5*time.Minute:
		return "InvalidSignatureException", "Signature expired: " + date
	case !slices.Contains(signed, "host") || !slices.Contains(signed, "x-amz-date") || c.opt.Session != "" && !slices.Contains(signed, "x-amz-security-token"):
		return "IncompleteSignatureException", "headers that must be signed are not"
	}
	canonical := canonicalRequest(r, signed, body)
	sum := sha256.Sum256([]byte(canonical))
	text := "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + c.opt.Secret)
	for _, step := range []string{day, c.opt.Region, c.opt.Service, "aws4_request", text} {
		key = keyed(key, step)
	}
	if hex.EncodeToString(key) != part["Signature"] {
		return "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.\n\n" +
			"The Canonical String for this request should have been\n'" + canonical + "'"
	}
	return "", ""
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalRequest is what is signed. The path, which is escaped already, is escaped once more.
func canonicalRequest(r *http.Request, signed []string, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + awsEscape(r.URL.EscapedPath()) + "\n" + r.URL.RawQuery + "\n")
	for _, name := range signed {
		v := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			v = r.Host
		case "content-length":
			v = strconv.FormatInt(r.ContentLength, 10)
		}
		b.WriteString(name + ":" + strings.Join(strings.Fields(v), " ") + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

// awsEscape escapes all of a path but its slashes and what is never escaped.
func awsEscape(path string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c == '/' || c == '-' || c == '_' || c == '.' || c == '~' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}
