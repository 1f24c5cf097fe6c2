DROP VIEW docket_migrations;
