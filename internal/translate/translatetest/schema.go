package translatetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// SDK is the module that Anthropic's OpenAPI document comes with.
const SDK = "github.com/anthropics/anthropic-sdk-go/v2"

// Document is Anthropic's OpenAPI document.
type Document struct {
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	known    map[string]*jsonschema.Schema // by name; guarded by mu
}

// Load reads the document from the module cache.
func Load() (*Document, error) {
	dir, err := exec.CommandContext(context.Background(), "go", "list", "-m", "-f", "{{.Dir}}", SDK).Output()
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", SDK, err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "scripts", "mock-spec.json.gz"))
	if err != nil {
		return nil, fmt.Errorf("open the document: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("unpack the document: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(z)
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseRegexpEngine(compile)
	if err := c.AddResource("mem://spec.json", doc); err != nil {
		return nil, fmt.Errorf("take the document: %w", err)
	}
	return &Document{compiler: c, known: make(map[string]*jsonschema.Schema)}, nil
}

// compile takes \uXXXX, which the document has and Go's regexp has not.
func compile(s string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(regexp.MustCompile(`\\u([0-9a-fA-F]{4})`).ReplaceAllString(s, `\x{$1}`))
	if err != nil {
		return nil, err
	}
	return re, nil
}

// Validate holds JSON against a schema of the document, such as Message or ErrorResponse.
func (d *Document) Validate(schema string, raw []byte) error {
	s, err := d.schema(schema)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if err := s.Validate(v); err != nil {
		return fmt.Errorf("not a %s: %w", schema, err)
	}
	return nil
}

func (d *Document) schema(name string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.known[name]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile("mem://spec.json#/components/schemas/" + name)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", name, err)
	}
	d.known[name] = s
	return s, nil
}

// Stream validates every event of a stream.
func (d *Document) Stream(stream string) error {
	list, err := Events(stream)
	if err != nil {
		return err
	}
	for i, e := range list {
		schema := "MessageStreamEvent"
		switch e.Name {
		case "ping": // the document does not know it
			continue
		case "error":
			schema = "ErrorResponse"
		}
		if err := d.Validate(schema, []byte(e.Data)); err != nil {
			return fmt.Errorf("event %d (%s): %w", i, e.Name, err)
		}
	}
	return nil
}

// Body validates an answer that is one JSON body.
func (d *Document) Body(raw []byte) error {
	var head struct{ Type string }
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if head.Type == "error" {
		return d.failure(raw)
	}
	return d.Validate("Message", raw)
}

// tooLarge is the type that the API's documentation has for the status 413, and its OpenAPI document
// has not.
const tooLarge = `"request_too_large"`

// failure validates an error.
func (d *Document) failure(raw []byte) error {
	known := bytes.Replace(raw, []byte(`"type":`+tooLarge), []byte(`"type":"invalid_request_error"`), 1)
	return d.Validate("ErrorResponse", known)
}

// Answer validates what a client got from a path: a stream, also by its grammar, or the body that is
// asked for there; with any status but 200 an error.
func (d *Document) Answer(path string, status int, header http.Header, body []byte) error {
	path, _, _ = strings.Cut(path, "?")
	typ, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case err != nil:
		return fmt.Errorf("content type %q: %w", header.Get("Content-Type"), err)
	case typ == "text/event-stream" && status == http.StatusOK:
		if _, err := Check(string(body)); err != nil {
			return err
		}
		return d.Stream(string(body))
	case typ != "application/json":
		return fmt.Errorf("status %d with the content type %s", status, typ)
	case status != http.StatusOK:
		return d.failure(body)
	case strings.HasSuffix(path, "/count_tokens"):
		return d.Validate("CountMessageTokensResponse", body)
	case strings.HasSuffix(path, "/models"):
		return d.Validate("ListResponse_ModelInfo_", body)
	}
	return d.Validate("Message", body)
}
