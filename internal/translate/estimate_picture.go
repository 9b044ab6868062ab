package translate

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
)

// headBytes is how much of a PNG has its size: the signature, and the start of the first chunk.
const headBytes = 24

// pictureTokens estimates a picture in base64 by its size, which only a PNG has in a fixed place.
func pictureTokens(data json.RawMessage) int64 {
	const head = headBytes / 3 * 4
	if len(data) < head+2 {
		return imageTokens
	}
	raw := make([]byte, headBytes)
	if _, err := base64.StdEncoding.Decode(raw, data[1:1+head]); err != nil || !bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")) {
		return imageTokens
	}
	pixels := int64(binary.BigEndian.Uint32(raw[16:])) * int64(binary.BigEndian.Uint32(raw[20:]))
	return min(pixels/pixelsEach+1, mostImage)
}
