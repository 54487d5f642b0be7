import type { ErrorCode } from '../errors.ts'

/** What a code means to the person who meets it: on its page, in the document, in a problem's `title`. */
export interface Problem {
  readonly title: string
  readonly meaning: string
  readonly mend: string
}

/** The closed list of what can go wrong. */
export const problems: Readonly<Record<ErrorCode, Problem>> = {
  token_missing: {
    title: 'A token is required',
    meaning: 'The request carries no Authorization header.',
    mend: 'Send `Authorization: Bearer <token>`.',
  },
  token_invalid: {
    title: 'The token is not accepted',
    meaning:
      'The token has expired, or it is not one that this server accepts: another secret or issuer, an algorithm that is not set up, or no token at all.',
    mend: 'Get a new token and send the request again. The server’s log says why this one was refused.',
  },
  insufficient_scope: {
    title: 'The token may not do this',
    meaning: 'A personal access token came with the request whose scopes do not include what this call does.',
    mend: 'Use a token with the scope that WWW-Authenticate names. What concerns tokens and the account needs a sign-in.',
  },
  origin_not_trusted: {
    title: 'The origin is not trusted',
    meaning: 'The page that sent this is neither this server’s nor one of a front end that it knows.',
    mend: 'Whoever runs the server names the front end in CORS_ORIGINS.',
  },
  account_elsewhere: {
    title: 'The account is removed by its own call',
    meaning: 'This user has an account on this server, which takes a password or a fresh sign-in to remove.',
    mend: 'Call POST /api/auth/delete-user.',
  },
  not_your_path: {
    title: 'The path belongs to another user',
    meaning: 'The user in the path is not the one whose token came with the request.',
    mend: 'Use your own user id in the path, or a path without one.',
  },
  broken_rule: {
    title: 'A rule is broken',
    meaning: 'A field of the body, a parameter or a header is not what it may be. `errors` names each.',
    mend: 'Correct what is named and send the request again.',
  },
  nothing_to_change: {
    title: 'Nothing to change',
    meaning: 'The body names no field that could be changed.',
    mend: 'Send at least one field.',
  },
  not_json: {
    title: 'The body is not JSON',
    meaning: 'The body is empty, or no JSON text in UTF-8 (RFC 8259).',
    mend: 'Send a JSON object.',
  },
  task_not_found: {
    title: 'There is no such task',
    meaning: 'You have no task with this id. It was deleted, it is somebody else’s, or it never was.',
    mend: 'List your tasks to see which there are.',
  },
  route_not_found: {
    title: 'There is nothing at this address',
    meaning: 'No call of the API has this path.',
    mend: 'See /docs for those there are.',
  },
  method_not_allowed: {
    title: 'The method is not possible here',
    meaning: 'The path exists, but not for this method. The Allow header lists those that are possible.',
    mend: 'Use one of the methods in Allow.',
  },
  precondition_failed: {
    title: 'The task has changed',
    meaning:
      'If-Match names another revision than the task has now. Nothing was written; `task` is the task as it is.',
    mend: 'Decide with the current task, and send its revision in If-Match.',
  },
  idempotency_key_reused: {
    title: 'The idempotency key was used for another request',
    meaning: 'A different request came with this Idempotency-Key within the last 24 hours.',
    mend: 'Use a new key for a new request, and the same key only to repeat the same request.',
  },
  token_not_found: {
    title: 'There is no such token',
    meaning: 'You have no personal access token with this id. It was revoked, or it is somebody else’s.',
    mend: 'List your tokens to see which there are.',
  },
  too_many_tokens: {
    title: 'There are too many tokens',
    meaning: 'You have as many personal access tokens as one user can have.',
    mend: 'Revoke those that are not used any more.',
  },
  too_many_tasks: {
    title: 'There are too many tasks',
    meaning: 'You have as many tasks as one user can have here. Nothing was created.',
    mend: 'Delete tasks that are not needed any more; whoever runs the server can raise MAX_TASKS.',
  },
  storage_full: {
    title: 'Your storage is full',
    meaning:
      'Your tasks take as many bytes as one user can store here. Nothing was written. Trash and idempotency keys never cause this: the oldest are removed first.',
    mend: 'Delete tasks or shorten their texts, which always works. The operator of the server can raise MAX_STORAGE.',
  },
  answer_dropped: {
    title: 'The first answer is no longer stored',
    meaning:
      'A request with this Idempotency-Key was done before. Its answer was removed early, because your storage is full. Nothing was done this time.',
    mend: 'Read the task to see the result. Do not send the write again with another key.',
  },
  too_many_requests: {
    title: 'There are too many requests',
    meaning:
      'More calls were made than one user, or one address, may make in this time, or more attempts to sign in. Nothing was done.',
    mend: 'Try again after the seconds in Retry-After. `RateLimit` says with each answer how many calls are left.',
  },
  password_compromised: {
    title: 'The password is known to others',
    meaning: 'The password is in a list of those that got out somewhere.',
    mend: 'Choose another, and change it wherever else you use it.',
  },
  busy: {
    title: 'The server is busy',
    meaning: 'More is going on than can be done at once. Nothing was done.',
    mend: 'Try again after the seconds in Retry-After.',
  },
  body_too_large: {
    title: 'The body is too large',
    meaning: 'The body is longer than any that this call could need.',
    mend: 'Send less.',
  },
  address_too_long: {
    title: 'The address is too long',
    meaning: 'The path and the query have more than 8 KiB, or a part of the path more than any id.',
    mend: 'Send less in the query.',
  },
  headers_too_large: {
    title: 'The headers are too large',
    meaning: 'The headers have more than 16 KiB together, or there are more than a hundred.',
    mend: 'Send fewer, and look whether cookies of other programs come along.',
  },
  unsupported_media_type: {
    title: 'The media type is not supported',
    meaning: 'The Content-Type, or the Content-Encoding, is not one that this call reads.',
    mend: 'Send `Content-Type: application/json`, without a Content-Encoding.',
  },
  bad_request: {
    title: 'The request cannot be read',
    meaning: 'The request is no well-formed HTTP, or its address is broken.',
    mend: 'Look at what your client sends; a proxy may have changed it.',
  },
  database_away: {
    title: 'The database is away',
    meaning: 'The database cannot be reached, or refuses for now. Nothing was done.',
    mend: 'Try again after the seconds in Retry-After.',
  },
  database_full: {
    title: 'The database has no room left',
    meaning: 'The disk of the database is full. Nothing was done.',
    mend: 'Whoever runs the server makes room on the disk; writes then work again by themselves.',
  },
  outcome_unknown: {
    title: 'Whether it was done is unknown',
    meaning:
      'The connection to the database was lost before it told how the write ended: it was done once, or not at all.',
    mend: 'Send the same request with the same Idempotency-Key: it is done if it was not, and answered either way. Without a key, look before you write again.',
  },
  keys_away: {
    title: 'The issuer’s keys are away',
    meaning: 'The keys that check this token could not be fetched from its issuer.',
    mend: 'Try again after the seconds in Retry-After.',
  },
  internal: {
    title: 'Something went wrong on the server',
    meaning: 'The server met something that nobody expected, and wrote it to its log.',
    mend: 'Report it with the request id in `detail`.',
  },
}
