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

// errorTypeOf is the type that belongs to a status, where the provider's own word for it did not come.
func errorTypeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusPaymentRequired:
		return "billing_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusConflict:
		return "conflict_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return "timeout_error"
	case statusOverloaded:
		return "overloaded_error"
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}
