package stream

import "github.com/tidwall/gjson"

// AppendError appends one server-sent error event in the shape of the Messages API: typ is the
// error's type, such as "api_error", msg the text that the user of the client reads. request_id, which
// the API's OpenAPI document demands, is null.
func AppendError(dst []byte, typ, msg string) []byte {
	dst = append(dst, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"...)
	dst = gjson.AppendJSONString(dst, typ)
	dst = append(dst, `,"message":`...)
	dst = gjson.AppendJSONString(dst, msg)
	return append(dst, "},\"request_id\":null}\n\n"...)
}
