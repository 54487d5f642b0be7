-- Distributes Duly's tables over the workers of a Citus cluster, by owner. Run it once, on the
-- coordinator, as the owner of the schema `duly`, after `create extension citus` and `duly migrate up`,
-- while no replica runs. It is one transaction.
begin;

-- All rows of an owner are on one shard.
select create_distributed_table('duly.owners', 'id', colocate_with => 'none');
select create_distributed_table('duly.tasks', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.lists', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.settings', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.changes', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.keys', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.jobs', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.webhooks', 'user_id', colocate_with => 'duly.owners');
select create_distributed_table('duly.deliveries', 'user_id', colocate_with => 'duly.owners');

-- All other tables stay on the coordinator as local tables, not reference tables; see README.md.
commit;
