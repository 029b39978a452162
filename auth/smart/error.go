package smart

import "fmt"

// Error is a refusal, as https://www.rfc-editor.org/rfc/rfc6749#section-5.2 and #section-4.1.2.1 have them.
type Error struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	// Page says that the app must not hear of it, since it is not certain who the app is: the person sees a page.
	Page bool `json:"-"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Description }

// The codes.
const (
	InvalidRequest       = "invalid_request"
	InvalidClient        = "invalid_client"
	InvalidGrant         = "invalid_grant"
	InvalidScope         = "invalid_scope"
	UnauthorizedClient   = "unauthorized_client"
	UnsupportedGrant     = "unsupported_grant_type"
	UnsupportedResponse  = "unsupported_response_type"
	AccessDenied         = "access_denied"
	LoginRequired        = "login_required"
	ConsentRequired      = "consent_required"
	InteractionRequired  = "interaction_required"
	UnmetAuthentication  = "unmet_authentication_requirements"
	InvalidRedirectURI   = "invalid_redirect_uri"
	InvalidClientMeta    = "invalid_client_metadata"
	UnsupportedTokenType = "unsupported_token_type"
)

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...)}
}

// page is a refusal for the person alone.
func page(format string, args ...any) *Error {
	return &Error{Code: InvalidRequest, Description: fmt.Sprintf(format, args...), Page: true}
}
