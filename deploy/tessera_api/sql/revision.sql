-- Changes with every change of the catalogue.
SELECT tessera.revision()
