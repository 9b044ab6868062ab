package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"prism/internal/stream"
	"prism/internal/translate"
)

// estimatedBy is the header that says that a count of tokens is prism's own.
const estimatedBy = "X-Prism-Estimate"

// countTokens answers by an estimate: the provider has nothing to ask.
func (t *translator) countTokens(req *http.Request, body *Body) (*http.Response, error) {
	call, _ := t.call(body)
	said, err := translate.CountTokens(call.Body, call.Prompt)
	var ref *translate.Refusal
	switch {
	case errors.As(err, &ref):
		f := &translate.Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Retry: "false", Message: ref.Message}
		return t.said(req, f, stream.Told{Local: true}), nil
	case err != nil:
		return nil, &Error{Kind: KindProtocol, Err: err}
	}
	resp := respond(req, http.StatusOK, "application/json", &answer{Reader: bytes.NewReader(said), told: stream.Told{Local: true}})
	resp.Header.Set(estimatedBy, "local")
	return resp, nil
}

// maxModelList bounds what is read of a provider's list of models.
const maxModelList = 8 << 20

// listModels answers with the models of the profile; where it names none, with the provider's.
func (t *translator) listModels(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		f := &translate.Failure{Status: http.StatusMethodNotAllowed, Type: "invalid_request_error", Retry: "false", Message: "prism: models are only listed"}
		return t.said(req, f, stream.Told{Local: true}), nil
	}
	if len(t.models) > 0 {
		return t.modelPage(req, translate.ModelsOf(t.models, t.up.name), stream.Told{Local: true}), nil
	}
	ask := req.Clone(req.Context())
	ask.Method = http.MethodGet
	ask.URL = &url.URL{Path: "/models"}
	ask.Header = http.Header{"Accept": {"application/json"}}
	resp, err := t.up.plain(ask, &Body{})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		call, _ := t.call(&Body{})
		resp.Request = req
		return t.failed(resp, &call, &translate.Request{}), nil
	}
	list, err := io.ReadAll(io.LimitReader(resp.Body, maxModelList))
	if err != nil {
		return nil, err
	}
	return t.modelPage(req, translate.ModelsFrom(list), stream.Told{}), nil
}

// modelPage renders a page of models, or one.
func (t *translator) modelPage(req *http.Request, all []translate.Model, told stream.Told) *http.Response {
	var said []byte
	if id, one := strings.CutPrefix(req.URL.Path, "/v1/models/"); one {
		said = translate.ModelNamed(all, id)
	} else {
		said = translate.ModelPage(all, req.URL.Query())
	}
	if said == nil {
		f := &translate.Failure{Status: http.StatusNotFound, Type: "not_found_error", Retry: "false", Message: "prism: profile " + t.up.name + " has no such model"}
		return t.said(req, f, told)
	}
	return respond(req, http.StatusOK, "application/json", &answer{Reader: bytes.NewReader(said), told: told})
}
