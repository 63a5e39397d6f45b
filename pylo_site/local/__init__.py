"""The whole product on one machine: private engines and every process, for `bin/serve`, `bin/test` and `bin/check`."""
