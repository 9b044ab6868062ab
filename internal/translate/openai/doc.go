// Package openai speaks the two dialects of OpenAI: Chat Completions, which half the world has
// copied, and Responses. How the copies differ is data, [config.Quirks].
package openai
