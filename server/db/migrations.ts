import type { Session } from './database.ts'

/**
 * One step of the schema, up and down. The list is append-only: a released step is never edited.
 * Each string is one statement, because the embedded database rejects several at once.
 *
 * Rules for tables of tasks, so that they can be distributed by owner (Citus): every key and every
 * unique index starts with the owner; no triggers; foreign keys only between tables that are
 * distributed alike.
 */
export interface Migration {
  readonly name: string
  /** A function does what SQL cannot. It too is never edited after its release. */
  readonly up: readonly (string | ((session: Session) => Promise<void>))[]
  readonly down: readonly string[]
}

/** Migration n is `migrations[n - 1]`. */
export const migrations: readonly Migration[] = [
  {
    name: 'owners and their tasks',
    up: [
      // `revision` counts the writes to an owner's tasks. `epoch` distinguishes an owner from a
      // former one with the same id, whose revisions also began at 1. `written_at` is the time of
      // the last write; the next one is never earlier. Half-empty pages have room for the row's
      // versions (HOT).
      `create table duly.owners (
        id text primary key,
        revision bigint not null,
        epoch bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint,
        task_count bigint not null,
        written_at timestamptz not null default '-infinity',
        position_base bigint not null default 0
      ) with (fillfactor = 50)`,
      // The keys are folded texts, which searches match and by which titles are ordered. No foreign
      // keys: each write would check them (12 % of a create), while it holds the owner's row
      // anyway.
      // PostgreSQL walks a row column by column. What orders, filters and searches compare comes
      // first, behind the columns of a fixed width that every row has.
      `create table duly.tasks (
        id bigint generated always as identity,
        revision bigint not null,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        is_completed boolean not null,
        title_key text collate "C" not null,
        priority text,
        due_key text collate "C",
        completed_at timestamptz,
        due_at timestamptz,
        list_id bigint,
        parent_id bigint,
        deadline text collate "C",
        description_key text collate "C",
        position text collate "C" not null,
        user_id text not null,
        deleted_at timestamptz,
        title text not null,
        description text,
        tags jsonb,
        tag_keys text[],
        due jsonb,
        start jsonb,
        start_key text collate "C",
        start_at timestamptz,
        estimate_minutes integer,
        metadata jsonb,
        spellings jsonb,
        primary key (user_id, id)
      ) with (fillfactor = 85)`,
      // Most updates change no indexed column, so they add no index entries (HOT).
      'create index tasks_created_at on duly.tasks (user_id, created_at, id) where deleted_at is null',
      // Siblings: the top level of a list, 0 being the inbox, and the children of a task. A toggle
      // moves the entry of a task; reads of open tasks do not pass the completed ones.
      `create index tasks_open on duly.tasks (user_id, (coalesce(list_id, 0)), position, id)
        where deleted_at is null and parent_id is null and not is_completed`,
      `create index tasks_completed on duly.tasks (user_id, (coalesce(list_id, 0)), position, id)
        where deleted_at is null and parent_id is null and is_completed`,
      `create index tasks_children on duly.tasks (user_id, parent_id, position, id) where parent_id is not null`,
      // Tasks without a due date come last.
      `create index tasks_due on duly.tasks (user_id, (coalesce(due_key, '~')), id)
        where deleted_at is null and not is_completed`,
      'create index tasks_deleted on duly.tasks (deleted_at, user_id) where deleted_at is not null',
    ],
    down: ['drop table duly.tasks', 'drop table duly.owners'],
  },
  {
    name: 'lists and settings',
    up: [
      `create table duly.lists (
        user_id text not null,
        id bigint generated always as identity,
        name text not null,
        color text,
        position text collate "C" not null,
        is_archived boolean not null,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        revision bigint not null,
        deleted_at timestamptz,
        primary key (user_id, id)
      )`,
      `create index lists_archived on duly.lists (user_id, id) where is_archived and deleted_at is null`,
      'create index lists_deleted on duly.lists (deleted_at, user_id) where deleted_at is not null',
      `create table duly.settings (
        user_id text primary key,
        time_zone text not null,
        week_start text not null,
        date_format text not null,
        time_format text not null,
        language text not null,
        revision bigint not null
      )`,
    ],
    down: ['drop table duly.settings', 'drop table duly.lists'],
  },
  {
    name: 'change log and idempotency keys',
    up: [
      // An entry for each item that a change touched: `before` is the item's previous revision,
      // `bytes` the entry's share of MAX_STORAGE. No foreign keys: each write would check them, and
      // the program removes the rows with their owner.
      `create table duly.changes (
        user_id text not null,
        revision bigint not null,
        item_type smallint not null,
        item_id bigint not null,
        action smallint not null,
        fields jsonb,
        before bigint,
        actor text not null,
        at timestamptz not null,
        bytes integer not null,
        primary key (user_id, revision, item_type, item_id)
      )`,
      // Key and fingerprint are hashes. `claim` distinguishes the attempts with one key. `answer`
      // is stored only where it cannot be rebuilt from one item and its log.
      `create table duly.keys (
        user_id text not null,
        key uuid not null,
        fingerprint uuid not null,
        claim integer not null,
        item_type smallint not null,
        item_id bigint not null,
        revision bigint not null,
        outcome smallint not null,
        at timestamptz not null,
        item_at timestamptz,
        answer text,
        primary key (user_id, key)
      )`,
      'create index keys_at on duly.keys (user_id, at)',
      // Not later than the owner's oldest entry or key. A write changes it only if there was none.
      `alter table duly.owners add column history_from timestamptz not null default 'infinity'`,
      `create index owners_history_from on duly.owners (history_from) where history_from < 'infinity'`,
    ],
    down: [
      'alter table duly.owners drop column history_from',
      'drop table duly.keys',
      'drop table duly.changes',
    ],
  },
  {
    name: 'accounts',
    up: [
      // The tables of Better Auth, with its names. They are looked up by email, session token or a
      // provider's id, before an owner is known, so they are not distributed.
      `create table duly."user" (
        id text primary key,
        name text not null,
        email text not null unique,
        "emailVerified" boolean not null,
        image text,
        "createdAt" timestamptz not null default current_timestamp,
        "updatedAt" timestamptz not null default current_timestamp,
        "twoFactorEnabled" boolean,
        "disabledAt" timestamptz,
        "removedAt" timestamptz
      )`,
      `create table duly.session (
        id text primary key,
        "expiresAt" timestamptz not null,
        token text not null unique,
        "createdAt" timestamptz not null default current_timestamp,
        "updatedAt" timestamptz not null,
        "ipAddress" text,
        "userAgent" text,
        "userId" text not null references duly."user" (id) on delete cascade
      )`,
      `create table duly.account (
        id text primary key,
        "accountId" text not null,
        "providerId" text not null,
        "userId" text not null references duly."user" (id) on delete cascade,
        "accessToken" text,
        "refreshToken" text,
        "idToken" text,
        "accessTokenExpiresAt" timestamptz,
        "refreshTokenExpiresAt" timestamptz,
        scope text,
        password text,
        "createdAt" timestamptz not null default current_timestamp,
        "updatedAt" timestamptz not null
      )`,
      `create table duly.verification (
        id text primary key,
        identifier text not null,
        value text not null,
        "expiresAt" timestamptz not null,
        "createdAt" timestamptz not null default current_timestamp,
        "updatedAt" timestamptz not null default current_timestamp
      )`,
      `create table duly.jwks (
        id text primary key,
        "publicKey" text not null,
        "privateKey" text not null,
        "createdAt" timestamptz not null,
        "expiresAt" timestamptz,
        alg text,
        crv text
      )`,
      `create table duly."twoFactor" (
        id text primary key,
        secret text not null,
        "backupCodes" text not null,
        "userId" text not null references duly."user" (id) on delete cascade,
        verified boolean,
        "failedVerificationCount" integer,
        "lockedUntil" timestamptz
      )`,
      `create table duly.passkey (
        id text primary key,
        name text,
        "publicKey" text not null,
        "userId" text not null references duly."user" (id) on delete cascade,
        "credentialID" text not null,
        counter integer not null,
        "deviceType" text not null,
        "backedUp" boolean not null,
        transports text,
        "createdAt" timestamptz,
        aaguid text
      )`,
      'create index "session_userId_idx" on duly.session ("userId")',
      'create index "account_userId_idx" on duly.account ("userId")',
      'create unique index account_provider on duly.account ("providerId", "accountId")',
      'create index verification_identifier_idx on duly.verification (identifier)',
      'create index "twoFactor_secret_idx" on duly."twoFactor" (secret)',
      'create index "twoFactor_userId_idx" on duly."twoFactor" ("userId")',
      'create index "passkey_userId_idx" on duly.passkey ("userId")',
      'create index "passkey_credentialID_idx" on duly.passkey ("credentialID")',
      'create index "user_createdAt" on duly."user" ("createdAt", id)',
    ],
    down: ['passkey', '"twoFactor"', 'jwks', 'verification', 'account', 'session', '"user"'].map(
      table => `drop table duly.${table}`,
    ),
  },
  {
    name: 'personal access tokens, revocations and attempts',
    up: [
      // Not distributed either: tokens are looked up by their hash, and the others have no owner.
      `create table duly.access_tokens (
        user_id text not null,
        id bigint generated always as identity primary key,
        name text not null,
        scopes text not null,
        hash text not null unique,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        last_used_at timestamptz
      )`,
      'create index access_tokens_user_id on duly.access_tokens (user_id)',
      // One row. A revocation locks it until the end, so that revisions become visible in order.
      'create table duly.revision_of_revocations (one boolean primary key default true check (one), revision bigint not null)',
      'insert into duly.revision_of_revocations (revision) values (0)',
      `create table duly.revocations (
        subject text primary key,
        refused boolean not null,
        revision bigint not null,
        expires_at timestamptz
      )`,
      'create index revocations_revision on duly.revocations (revision)',
      // A session that ends is revoked in the same transaction. The subject is as in `subjectOf`.
      `create function duly.refuse_ended_sessions() returns trigger language plpgsql as $$
        begin
          with raised as (update duly.revision_of_revocations set revision = revision + 1 returning revision)
          insert into duly.revocations as kept (subject, refused, revision, expires_at)
          select translate(encode(sha256(convert_to('session:' || ended.id, 'UTF8')), 'base64'), '+/=', '-_'),
            true, raised.revision, now() + interval '2 hours'
          from raised, ended
          on conflict (subject) do update set refused = true, revision = excluded.revision, expires_at = excluded.expires_at;
          return null;
        end $$`,
      `create trigger refuse_ended_sessions after delete on duly.session
        referencing old table as ended for each statement execute function duly.refuse_ended_sessions()`,
      'create table duly.attempts (key text primary key, free_at timestamptz not null) with (fillfactor = 70)',
    ],
    down: [
      'drop trigger refuse_ended_sessions on duly.session',
      'drop function duly.refuse_ended_sessions',
      ...['attempts', 'revocations', 'revision_of_revocations', 'access_tokens'].map(
        table => `drop table duly.${table}`,
      ),
    ],
  },
  {
    name: 'what each owner stores',
    up: [
      // If `counted_revision` is not `revision`, the owner's next write counts. No row is read.
      `alter table duly.owners
        add column live_bytes bigint not null default 0,
        add column trash_bytes bigint not null default 0,
        add column log_bytes bigint not null default 0,
        add column key_bytes bigint not null default 0,
        add column counted_revision bigint not null default -1`,
      'create index tasks_trash on duly.tasks (user_id, deleted_at, id) where deleted_at is not null',
    ],
    down: [
      'drop index duly.tasks_trash',
      ...['counted_revision', 'key_bytes', 'log_bytes', 'trash_bytes', 'live_bytes'].map(
        column => `alter table duly.owners drop column ${column}`,
      ),
    ],
  },
  {
    name: 'jobs',
    up: [
      // Background work. Jobs of no user have the owner ''. The lease of a lost process expires.
      `create table duly.jobs (
        user_id text not null,
        id text not null,
        kind text not null,
        payload jsonb,
        enqueued_at timestamptz not null,
        due_at timestamptz not null,
        leased_until timestamptz not null default '-infinity',
        lease bigint not null default 0,
        failures integer not null default 0,
        dead boolean not null default false,
        error text,
        primary key (user_id, id)
      ) with (fillfactor = 70)`,
      'create index jobs_due on duly.jobs (due_at) where not dead',
    ],
    down: ['drop table duly.jobs'],
  },
  {
    name: 'sessions whose clients hold a token',
    // Whether the client has a token that is valid as long as the session, and no cookie.
    up: ['alter table duly.session add column bearer boolean'],
    down: ['alter table duly.session drop column bearer'],
  },
  {
    name: 'tickets',
    up: [
      // Looked up by their hash, so not distributed.
      `create table duly.tickets (
        hash text primary key,
        user_id text not null,
        identity jsonb not null,
        expires_at timestamptz not null
      )`,
      'create index tickets_expires_at on duly.tickets (expires_at)',
    ],
    down: ['drop table duly.tickets'],
  },
  {
    name: 'webhooks',
    up: [
      // `epoch` to `item_id` are the position in the change log up to which events were delivered.
      // Each delivery changes the row.
      `create table duly.webhooks (
        user_id text not null,
        id bigint generated always as identity,
        url text not null,
        events jsonb not null,
        description text,
        is_active boolean not null,
        disabled_reason text,
        secret text not null,
        old_secret text,
        old_secret_until timestamptz,
        epoch bigint not null,
        revision bigint not null,
        item_type smallint not null,
        item_id bigint not null,
        failures integer not null default 0,
        failing_since timestamptz,
        retry_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        primary key (user_id, id)
      ) with (fillfactor = 50)`,
      // What a repetition is made from; the body is not stored. A test has no item.
      `create table duly.deliveries (
        user_id text not null,
        id text not null,
        webhook_id bigint not null,
        event text not null,
        status text not null,
        attempts integer not null,
        response_status integer,
        error text,
        duration_ms integer,
        created_at timestamptz not null,
        attempted_at timestamptz,
        is_requested boolean not null default false,
        at timestamptz not null,
        epoch bigint not null,
        revision bigint not null,
        item_type smallint not null,
        item_id bigint not null,
        actor text not null,
        primary key (user_id, id)
      )`,
      'create index deliveries_webhook on duly.deliveries (user_id, webhook_id, created_at, id)',
      'create index deliveries_requested on duly.deliveries (user_id, webhook_id) where is_requested',
      'create index deliveries_created_at on duly.deliveries (created_at, user_id)',
      // Whether the owner has an active webhook. Read by the statement that locks the owner.
      'alter table duly.owners add column has_webhooks boolean not null default false',
    ],
    down: [
      'alter table duly.owners drop column has_webhooks',
      'drop table duly.deliveries',
      'drop table duly.webhooks',
      `delete from duly.jobs where kind in ('deliver-webhook', 'prune-deliveries')`,
    ],
  },
]
