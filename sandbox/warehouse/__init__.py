"""The internet hospital's database (互联网医院业务库): what a night upload reads. Its tables: `schema.sql`."""
