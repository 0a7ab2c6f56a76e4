-- Names the state of the catalogue: changes with every change, and with the database itself.
SELECT concat_ws('-', tessera.revision(),
                 (SELECT to_hex((extract(epoch FROM max(loaded_at)) * 1e6)::bigint)
                  FROM tessera.collection),
                 -- A link that changes no tile still tells how old the manifests are.
                 (SELECT to_hex((extract(epoch FROM max(linked_at)) * 1e6)::bigint)
                  FROM tessera.link))
