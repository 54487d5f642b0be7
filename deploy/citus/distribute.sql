-- Spreads Duly's tasks over the workers of a Citus cluster, by owner. Once, on the coordinator, as the owner of the schema `duly`,
-- after `create extension citus` and `duly migrate up`, while no replica runs. In one transaction: all of it, or nothing.
begin;

-- All that is one owner's comes to lie on one shard, so that one worker has it all.
select create_distributed_table('duly.owners', 'id', colocate_with => 'none');
select create_distributed_table('duly.tasks', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.lists', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.settings', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.changes', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.keys', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.jobs', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.webhooks', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.deliveries', 'user_id', colocate_with => 'duly.owners');

-- All other tables stay on the coordinator: README.md says why. None is a reference table.
commit;
