-- What the manifests say, to be filled by COPY.
CREATE TEMPORARY TABLE said (
    store_id smallint NOT NULL,
    tile_id bigint NOT NULL,
    present boolean NOT NULL,
    embeddings_size bigint,
    scales_size bigint,
    embeddings_sha256 bytea,
    scales_sha256 bytea,
    verified_at timestamptz
) ON COMMIT DROP;
CREATE TEMPORARY TABLE told_whole (store_id smallint NOT NULL) ON COMMIT DROP
