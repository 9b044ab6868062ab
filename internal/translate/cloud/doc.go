// Package cloud wraps Claude's own requests and answers the way Amazon Bedrock and Google Vertex
// want them. The conversation stays byte for byte what the client wrote, so that signatures in it
// hold: only members of the request's top level are moved. At Bedrock, the model and the wish for
// a stream go into the path and the beta names into the body, and the stream comes in another
// framing ([Events]); at Vertex, only the model moves.
package cloud
