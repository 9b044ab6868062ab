package openai

// Chat is the dialect of Chat Completions. It implements [translate.Codec].
type Chat struct{}
