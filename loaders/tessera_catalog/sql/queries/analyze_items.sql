-- What the planner is to know of a filled {table} of items. To sample a row costs as much as to
-- render it, for the expression of each index is computed: so all of them have a small sample, and
-- where the items are, which decides most plans, is looked at by itself and more closely.
ALTER TABLE {table} ALTER content SET STATISTICS 0;
SET LOCAL default_statistics_target = {target};
ANALYZE {table};
SET LOCAL default_statistics_target = {closer_target};
ANALYZE {table} (geometry);
RESET default_statistics_target
