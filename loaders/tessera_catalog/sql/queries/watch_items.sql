-- Note when others change the items of {table} directly; see tessera.void_projection.
CREATE TRIGGER void_projection AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tessera.void_projection({collection})
