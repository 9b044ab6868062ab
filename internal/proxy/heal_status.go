package proxy

import "net/http"

// errorStatus returns the status that belongs to an error which an upstream reports inside an
// answer of status 200: by its type, also as providers name it that are only compatible. A prompt
// that is too long is always a 400: the client then compacts the conversation, and with any other
// status it does not.
func errorStatus(errorType, message string) int {
	switch errorType {
	case "rate_limit_error", "rate_limit_exceeded", "insufficient_quota":
		return http.StatusTooManyRequests
	case "overloaded_error":
		return statusOverloaded
	}
	if tooLong(errorType) || tooLong(message) {
		return http.StatusBadRequest
	}
	switch errorType {
	case "invalid_request_error", "BadRequestError":
		return http.StatusBadRequest
	case "authentication_error":
		return http.StatusUnauthorized
	case "billing_error":
		return http.StatusPaymentRequired
	case "permission_error":
		return http.StatusForbidden
	case "not_found_error", "NotFoundError":
		return http.StatusNotFound
	case "conflict_error":
		return http.StatusConflict
	case "request_too_large":
		return http.StatusRequestEntityTooLarge
	case "timeout_error":
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}
