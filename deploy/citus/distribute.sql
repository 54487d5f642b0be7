-- Spreads Duly's tasks over the workers of a Citus cluster, by owner. Once, on the coordinator, as the owner of the schema `duly`,
-- after `create extension citus` and `duly migrate up`, while no replica runs. In one transaction: all of it, or nothing.
begin;

-- A foreign key between a table that is distributed and one that is not yet cannot be kept.
alter table duly.tasks drop constraint tasks_user_id_fkey;

-- All that is one owner's comes to lie on one shard, so that one worker has it all.
select create_distributed_table('duly.owners', 'id', colocate_with => 'none');
select create_distributed_table('duly.tasks', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.changes', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.keys', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.jobs', 'user_id', colocate_with => 'duly.owners');

alter table duly.tasks
  add constraint tasks_user_id_fkey foreign key (user_id) references duly.owners (id) on delete cascade;

-- All other tables stay on the coordinator: README.md says why. None is a reference table.
commit;
