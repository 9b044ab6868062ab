// Package translatetest checks answers of the Messages API from outside: their grammar, and their
// shapes by Anthropic's own OpenAPI document. Golden cases are read by it, too. It is for tests only.
package translatetest
