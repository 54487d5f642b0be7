import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { unprepared } from '../server/db/database.ts'
import { tasksOf } from '../server/tasks/tasks.ts'
import { type Env, openDatabase, ownMigratedDatabase } from './served.ts'

// Compares a migrated database, after deploy/citus/distribute.sql, with the documented requirements
// of Citus, without Citus.

const root = fileURLToPath(new URL('../..', import.meta.url))
const file = (name: string) => readFileSync(join(root, 'deploy', 'citus', name), 'utf8')

let close: () => Promise<void>
let client: pg.Client
before(async () => {
  const own = await ownMigratedDatabase()
  close = own.close
  client = new pg.Client({ connectionString: String(own.env.DATABASE_URL) })
  await client.connect()
})
after(async () => {
  await client.end()
  await close()
})

/** Each with its definition, as one text. */
async function foreignKeys(): Promise<string> {
  const { rows } = await client.query(
    `select string_agg(conname || ' ' || pg_get_constraintdef(oid), E'\\n' order by conname) as text
    from pg_constraint where contype = 'f' and connamespace = 'duly'::regnamespace`,
  )
  return rows[0].text
}

/** Records distributed tables, and rejects foreign keys between distributed and local tables. */
const standIn = `
  create table public.distributed (
    name regclass primary key, place integer generated always as identity, holder text, beside text
  );
  create function public.create_distributed_table(given regclass, distribution_column text, colocate_with text)
  returns void language plpgsql as $$
    begin
      insert into public.distributed (name, holder, beside) values (given, distribution_column, colocate_with);
      if exists (
        select from pg_constraint where contype = 'f' and given in (conrelid, confrelid)
          and exists (select unnest(array[conrelid, confrelid]) except select name from public.distributed)
      ) then raise exception 'a foreign key connects % with a table that is not distributed', given; end if;
    end $$`

describe('deploy/citus/distribute.sql', () => {
  let by: Map<string, string>
  let keysBefore: string
  before(async () => {
    keysBefore = await foreignKeys()
    await client.query(standIn)
    await client.query(file('distribute.sql'))
    const { rows } = await client.query<{ name: string; holder: string; beside: string }>(
      'select relname as name, holder, beside from public.distributed d join pg_class c on c.oid = d.name order by place',
    )
    by = new Map(rows.map(({ name, holder }) => [name, holder]))
    const [first, ...others] = rows
    assert.equal(first?.beside, 'none')
    for (const { beside } of others) assert.equal(beside, `duly.${first?.name}`)
  })

  it('keeps all foreign keys, of which none connects a distributed and a local table', async () => {
    assert.equal(await foreignKeys(), keysBefore)
    const { rows } = await client.query<{
      name: string
      from: string
      to: string
      on: string[]
      of: string[]
    }>(
      `select conname as name, a.relname as from, b.relname as to,
        (select array_agg(attname::text order by n) from unnest(conkey) with ordinality as k (num, n)
          join pg_attribute on attrelid = conrelid and attnum = num) as on,
        (select array_agg(attname::text order by n) from unnest(confkey) with ordinality as k (num, n)
          join pg_attribute on attrelid = confrelid and attnum = num) as of
      from pg_constraint join pg_class a on a.oid = conrelid join pg_class b on b.oid = confrelid
      where contype = 'f' and a.relnamespace = 'duly'::regnamespace`,
    )
    assert.ok(rows.length > 3)
    for (const { name, from, to, on, of } of rows) {
      assert.equal(by.has(from), by.has(to), name)
      const column = by.get(from)
      if (column === undefined) continue
      // The owner column references the owner column, at the same position.
      assert.equal(of[on.indexOf(column)], by.get(to), name)
    }
  })

  it('distributes only tables whose unique indexes all contain the owner', async () => {
    const { rows } = await client.query<{ table: string; index: string; columns: string[] }>(
      `select t.relname as table, i.relname as index,
        (select array_agg(attname::text) from pg_attribute where attrelid = indrelid and attnum = any(indkey)) as columns
      from pg_index join pg_class t on t.oid = indrelid join pg_class i on i.oid = indexrelid
      where indisunique and t.relnamespace = 'duly'::regnamespace`,
    )
    const unique = rows.filter(({ table }) => by.has(table))
    assert.equal(new Set(unique.map(({ table }) => table)).size, by.size)
    for (const { table, index, columns } of unique)
      assert.ok(columns.includes(by.get(table) ?? ''), `${index} of ${columns.join(', ')}`)
  })

  it('distributes no table with triggers, rules, or numbers other than bigint', async () => {
    const { rows } = await client.query<{ table: string }>(
      `select relname as table from pg_class where relnamespace = 'duly'::regnamespace and (
        exists (select from pg_trigger where tgrelid = pg_class.oid and not tgisinternal)
        or exists (select from pg_rewrite where ev_class = pg_class.oid)
        or exists (select from pg_attribute where attrelid = pg_class.oid and attidentity <> '' and atttypid <> 'bigint'::regtype)
      )`,
    )
    // A table that has one, as proof that the query finds them.
    assert.deepEqual(
      rows.map(({ table }) => table),
      ['session'],
    )
    assert.ok(!by.has('session'))
  })

  it('and README.md list the location of every table', async () => {
    const { rows } = await client.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'duly'::regnamespace and relkind in ('r', 'p')`,
    )
    const [, local = ''] = /\n## What stays on the coordinator\n(.*?)\n## /s.exec(file('README.md')) ?? []
    const named = [...local.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    )
    assert.deepEqual([...named, ...by.keys()].sort(), rows.map(({ name }) => name).sort())
  })

  it('no statement uses a distributed and a local table', () => {
    const sources = readdirSync(join(root, 'server'), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('migrations.ts'))
      .map(name => readFileSync(join(root, 'server', name), 'utf8'))
    const texts = sources.flatMap(source => source.match(/`[^`]*`|'[^'\n]*'/g) ?? [])
    const touching = texts
      .map(text => [...text.matchAll(/\bduly\."?(\w+)/g)].map(([, name = '']) => name))
      .filter(names => names.some(name => by.has(name)))
    assert.ok(touching.length > 20, `${touching.length}`)
    for (const names of touching)
      assert.ok(
        names.every(name => by.has(name)),
        names.join(', '),
      )
  })
})

describe('a program on Citus', () => {
  const wayOfWriting = async (env: Env, owners: readonly string[]) => {
    const { db } = await openDatabase(env)
    // The first round prepares the statements, each in a transaction of its own.
    await tasksOf(db, 'first').create(task)
    await Promise.all(owners.map(owner => tasksOf(db, owner).create(task)))
    const count = 'select count(distinct xmin::text) from duly.tasks where user_id = any($1::text[])'
    const [row] = await db.query(unprepared(count), [owners])
    const [plans] = await db.query(unprepared('show plan_cache_mode'))
    await db.close()
    return { transactions: Number(row?.[0]), plans: plans?.[0] }
  }
  const task = { title: 'One of many', description: null, is_completed: false }
  const owners = (letter: string) => Array.from({ length: 40 }, (_, n) => `${letter}${n}`)

  it('sends each write in a transaction, since shards commit separately, and does not force plans', async () => {
    const own = await ownMigratedDatabase()
    const { transactions, plans } = await wayOfWriting(own.env, owners('a'))
    assert.ok(transactions < 40, `${transactions}`)
    assert.equal(plans, 'force_generic_plan')
    const administrator = new pg.Client({ connectionString: String(own.env.DATABASE_URL) })
    await administrator.connect()
    await administrator.query('set allow_system_table_mods = on')
    await administrator.query(
      `insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
      values (16000, 'citus', 10, 'pg_catalog'::regnamespace, false, '13')`,
    )
    assert.deepEqual(await wayOfWriting(own.env, owners('b')), { transactions: 40, plans: 'auto' })
    await administrator.query(`delete from pg_extension where extname = 'citus'`)
    await administrator.end()
    await own.close()
  })
})
