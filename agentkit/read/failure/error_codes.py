"""What error codes mean that are no wording: a provider's own numbers, the names of error types,
and HTTP statuses. The wording decides first; see `error_rules`.

Sources: the lists of error codes of Z.ai (docs.z.ai, API code), MiniMax (platform.minimax.io, error
codes), Google's `google.rpc.Code`, Anthropic, Bedrock (Converse API) and DashScope (Model Studio).
"""

from __future__ import annotations

BY_STATUS = {
    400: "bad_request",
    401: "auth_failed",
    402: "quota_exhausted",
    403: "permission_denied",
    404: "endpoint_not_found",
    405: "endpoint_not_found",
    408: "timeout",
    409: "bad_request",
    413: "request_too_large",
    422: "bad_request",
    429: "rate_limited",
    498: "auth_failed",
    499: "connection_reset",
    504: "timeout",
    524: "timeout",
    529: "server_error",
}

_NAMES = """
code status http_code status_code statuscode http_status http_status_code httpstatus httpcode
error_code originalstatuscode upstream_status upstream_status_code
"""
STATUS_NAMES = frozenset(_NAMES.split())
"""Keys, in lower case, whose value is an HTTP status where it looks like one."""


def _each(kinds: dict[str, str]) -> dict[str, str]:
    return {code: kind for kind, codes in kinds.items() for code in codes.split()}


BY_BASE_RESP = _each(
    {
        "server_error": "1000 1013 1024 1033",
        "timeout": "1001",
        "rate_limited": "1002 1039 1041",
        "auth_failed": "1004 2049",
        "quota_exhausted": "1008 2056",
        "content_filtered": "1026 1027",
        "history_bad_content": "1042",
        "bad_request": "2013",
    }
)
"""MiniMax's `base_resp.status_code`."""

BY_NUMBER = _each(
    {
        "auth_failed": "1000 1001 1002 1003 1004",
        "permission_denied": "1110 1111 1112 1120 1121 1220 1311 1313",
        "quota_exhausted": "1113 1304 1308 1309 1310",
        "model_not_found": "1211",
        "bad_request": "1210 1212 1213 1214 1215 1231",
        "endpoint_not_found": "1221 1222",
        "server_error": "1200 1230 1234",
        "context_length_exceeded": "1261",
        "content_filtered": "1301",
        "rate_limited": "1302 1303 1305 1312",
    }
)
"""Z.ai's `code`, a text of four digits."""

BY_NAME = _each(
    {
        "rate_limited": """
            rate_limit_error rate_limit_exceeded resource_exhausted throttlingexception
            toomanyrequestsexception ratelimiterror ratelimitexceeded too_many_requests
            serviceunavailable_rate_limited rate_limit_reached_error
            """,
        "quota_exhausted": """
            billing_error insufficient_quota servicequotaexceededexception
            exceeded_current_quota_error insufficient_balance arrearage
            """,
        "auth_failed": """
            authentication_error authenticationerror unauthenticated invalid_authentication_error
            unrecognizedclientexception invalidsignatureexception invalidapikey
            """,
        "permission_denied": """
            permission_error permission_denied permissiondeniederror accessdeniedexception
            accessdenied
            """,
        "model_not_found": "resourcenotfoundexception modelnotfound",
        "endpoint_not_found": "not_found_error notfounderror not_found",
        "request_too_large": "request_too_large",
        "timeout": """
            timeout_error deadline_exceeded modeltimeoutexception requesttimeout responsetimeout
            apitimeouterror internalerror.timeout
            """,
        "server_error": """
            api_error overloaded_error internal_server_error internalservererror server_error
            serviceunavailableexception internalserverexception modelnotreadyexception
            modelerrorexception modelstreamerrorexception unavailable internal unknown data_loss
            service_unavailable serviceunavailableerror service_unavailable_error
            engine_overloaded_error internalerror systemerror modelservicefailed modelunavailable
            internal_error apiconnectionerror
            """,
        "bad_request": """
            invalid_request_error badrequesterror bad_request invalid_argument failed_precondition
            out_of_range validationexception validation_error invalidparameter unprocessable_entity
            unprocessableentityerror bad_request_error invalid_request conflict_error invalid_prompt
            memory_precondition_failed_error memory_path_conflict_error unsupported_value
            """,
        "history_bad_content": """
            invalid_image invalid_image_format invalid_base64_image invalid_image_url
            image_too_large image_too_small image_parse_error invalid_image_mode
            image_file_too_large unsupported_image_media_type empty_image_file
            failed_to_download_image image_file_not_found
            """,
        "content_filtered": "bio_policy cyber_policy",
        "generation_aborted": "aborted cancelled",
    }
)
"""The names of error types and codes, in lower case."""
