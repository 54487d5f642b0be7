import type { ErrorCode } from '../errors.ts'

/** What a code means: on its page, in the OpenAPI document, and as `title` of a problem. */
export interface Problem {
  readonly title: string
  readonly meaning: string
  readonly fix: string
}

/** All error codes. */
export const problems: Readonly<Record<ErrorCode, Problem>> = {
  token_missing: {
    title: 'A token is required',
    meaning: 'The request has no Authorization header.',
    fix: 'Send `Authorization: Bearer <token>`.',
  },
  token_invalid: {
    title: 'The token is not accepted',
    meaning:
      'The token has expired or was revoked, its signature or its issuer is not accepted, or it is not a token.',
    fix: 'Get a new token and repeat the request. The log of the server has the reason.',
  },
  insufficient_scope: {
    title: 'The token lacks a scope',
    meaning: 'The scopes of the personal access token do not include the scope that this call needs.',
    fix: 'Use a token with the scope in WWW-Authenticate. To manage tokens and the account, sign in.',
  },
  origin_not_trusted: {
    title: 'The origin is not trusted',
    meaning: 'The page that sent the request has neither the origin of this server nor one in CORS_ORIGINS.',
    fix: 'Ask the operator of the server to add the origin to CORS_ORIGINS.',
  },
  account_elsewhere: {
    title: 'The account is deleted by another call',
    meaning:
      'This user has an account on this server. To delete it, a password or a recent sign-in is needed.',
    fix: 'Call POST /api/auth/delete-user.',
  },
  sign_in_failed: {
    title: 'The sign-in failed',
    meaning: 'No account has this email address and this password.',
    fix: 'Correct the email address or the password, or reset the password.',
  },
  code_required: {
    title: 'A two-factor code is required',
    meaning:
      'The account uses two-factor authentication. The request has no code, or a code that is wrong or used.',
    fix: 'Send the current code of the authenticator app, or a backup code, as `code`.',
  },
  sign_in_forbidden: {
    title: 'Signing in or up is not allowed',
    meaning: 'The email address is not confirmed yet, the account is disabled, or sign-up is closed.',
    fix: 'Open the link in the email that confirms the address, or ask the operator of the server.',
  },
  email_taken: {
    title: 'The email address is taken',
    meaning: 'An account with this email address exists.',
    fix: 'Sign in, reset the password, or use another email address.',
  },
  no_session: {
    title: 'The token belongs to no session',
    meaning: 'The token is of another issuer, so no session of this server ends with it.',
    fix: 'Sign out at the issuer of the token.',
  },
  not_your_path: {
    title: 'The path belongs to another user',
    meaning: 'The user in the path is not the user of the token.',
    fix: 'Use your own user id in the path, or a path without a user id.',
  },
  broken_rule: {
    title: 'The request is not valid',
    meaning: 'A field of the body, a parameter or a header is not valid. `errors` lists all of them.',
    fix: 'Correct what `errors` lists and repeat the request.',
  },
  nothing_to_change: {
    title: 'Nothing to change',
    meaning: 'The body has no field that can be changed.',
    fix: 'Send at least one field.',
  },
  not_json: {
    title: 'The body is not JSON',
    meaning: 'The body is empty, or not JSON in UTF-8 (RFC 8259).',
    fix: 'Send a JSON object.',
  },
  task_not_found: {
    title: 'Task not found',
    meaning: 'You have no task with this id.',
    fix: 'List your tasks to see their ids.',
  },
  list_not_found: {
    title: 'List not found',
    meaning: 'You have no list with this id.',
    fix: 'List your lists to see their ids.',
  },
  change_not_found: {
    title: 'Change not found',
    meaning: 'You made no change with this id, or it is older than HISTORY_DAYS.',
    fix: 'Send the value of the `Duly-Change` header of a response.',
  },
  undo_conflict: {
    title: 'The change cannot be undone',
    meaning:
      'Something that the change wrote has changed again, or undoing it would break a rule. `conflicts` names the items and the fields.',
    fix: 'Undo the later changes first, or change the items yourself.',
  },
  change_too_large: {
    title: 'The change is too large',
    meaning: 'One change can touch 10,000 items at most.',
    fix: 'Divide the change into smaller ones.',
  },
  too_many_lists: {
    title: 'Too many lists',
    meaning: 'You have the maximum number of lists.',
    fix: 'Delete a list.',
  },
  route_not_found: {
    title: 'Route not found',
    meaning: 'No route matches the path.',
    fix: 'See /docs for all routes.',
  },
  method_not_allowed: {
    title: 'Method not allowed',
    meaning: 'The path exists, but not with this method.',
    fix: 'Use one of the methods in the Allow header.',
  },
  precondition_failed: {
    title: 'The task has changed',
    meaning:
      'The task has another revision than If-Match names. Nothing was written. `task` is the current task.',
    fix: 'Decide with the current task, and send its revision in If-Match.',
  },
  idempotency_key_reused: {
    title: 'The idempotency key was used for another request',
    meaning: 'Another request had this Idempotency-Key within the last HISTORY_DAYS.',
    fix: 'Use a new key for each new request. Use the same key only to repeat a request.',
  },
  token_not_found: {
    title: 'Token not found',
    meaning: 'You have no personal access token with this id.',
    fix: 'List your tokens to see their ids.',
  },
  webhook_not_found: {
    title: 'Webhook not found',
    meaning: 'You have no webhook with this id.',
    fix: 'List your webhooks to see their ids.',
  },
  delivery_not_found: {
    title: 'Delivery not found',
    meaning: 'The webhook has no delivery with this id, or it is older than 7 days.',
    fix: 'List the deliveries of the webhook to see their ids.',
  },
  too_many_webhooks: {
    title: 'Too many webhooks',
    meaning: 'You have the maximum number of webhooks.',
    fix: 'Delete a webhook.',
  },
  too_many_tokens: {
    title: 'Too many tokens',
    meaning: 'You have the maximum number of personal access tokens.',
    fix: 'Revoke tokens that you no longer use.',
  },
  too_many_tasks: {
    title: 'Too many tasks',
    meaning: 'You have the maximum number of tasks. Nothing was created.',
    fix: 'Delete tasks that you no longer need. The operator of the server can raise MAX_TASKS.',
  },
  storage_full: {
    title: 'Your storage is full',
    meaning:
      'Your tasks use the maximum number of bytes. Nothing was written. Trash and idempotency keys do not count: the oldest are removed first.',
    fix: 'Delete tasks or shorten their texts, which is always possible. The operator of the server can raise MAX_STORAGE.',
  },
  answer_dropped: {
    title: 'The first response is no longer stored',
    meaning:
      'An earlier request with this Idempotency-Key was executed. Its response was removed early because your storage is full. Nothing was done this time.',
    fix: 'Read the task to see the result. Do not repeat the write with another key.',
  },
  resync_required: {
    title: 'A new sync is required',
    meaning:
      'The changes since `since` are older than HISTORY_DAYS, were removed to free storage, or the data was replaced.',
    fix: 'Discard the local copy and call GET /api/v1/changes without `since`.',
  },
  too_many_requests: {
    title: 'Too many requests',
    meaning:
      'You have reached the rate limit of the user or the address, or of sign-in attempts. Nothing was done.',
    fix: 'Wait for the seconds in Retry-After. `RateLimit` in each response contains the remaining requests.',
  },
  password_compromised: {
    title: 'The password is compromised',
    meaning: 'The password is in a list of passwords from data breaches.',
    fix: 'Choose another password, and change it on all sites where you use it.',
  },
  busy: {
    title: 'The server is busy',
    meaning: 'The server is overloaded. Nothing was done.',
    fix: 'Wait for the seconds in Retry-After.',
  },
  body_too_large: {
    title: 'The body is too large',
    meaning: 'The body is larger than the limit of this call.',
    fix: 'Send a smaller body.',
  },
  address_too_long: {
    title: 'The URL is too long',
    meaning: 'The path and the query have more than 8 KiB, or a segment of the path is too long.',
    fix: 'Send a shorter query.',
  },
  headers_too_large: {
    title: 'The headers are too large',
    meaning: 'The headers have more than 16 KiB, or there are more than 100.',
    fix: 'Send fewer headers. Check whether cookies of other applications are sent.',
  },
  unsupported_media_type: {
    title: 'Unsupported media type',
    meaning: 'This call does not accept the Content-Type or the Content-Encoding.',
    fix: 'Send `Content-Type: application/json`, without Content-Encoding.',
  },
  bad_request: {
    title: 'Bad request',
    meaning: 'The request is not valid HTTP, or its URL is malformed.',
    fix: 'Check what your client sends. A proxy may have changed it.',
  },
  database_away: {
    title: 'The database is unavailable',
    meaning: 'The server cannot reach the database. Nothing was done.',
    fix: 'Wait for the seconds in Retry-After.',
  },
  database_full: {
    title: 'The database is full',
    meaning: 'The disk of the database is full. Nothing was done.',
    fix: 'The operator must free space on the disk. Writes then work again without a restart.',
  },
  outcome_unknown: {
    title: 'The outcome is unknown',
    meaning:
      'The connection to the database was lost before the write was confirmed. The write was executed once, or not at all.',
    fix: 'Repeat the request with the same Idempotency-Key, which executes the write at most once. Without a key, read the task before you write again.',
  },
  keys_away: {
    title: 'The keys of the issuer are unavailable',
    meaning: 'The server cannot fetch the keys that verify this token from its issuer.',
    fix: 'Wait for the seconds in Retry-After.',
  },
  internal: {
    title: 'Internal server error',
    meaning: 'An unexpected error occurred. It is in the log of the server.',
    fix: 'Report it with the request id in `detail`.',
  },
}
