// Package openai reads the requests that prism sends to providers that speak a dialect of OpenAI
// with the types of OpenAI's own library, which must know every field of them.
package openai
