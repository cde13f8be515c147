module wfctl.test/sdk

go 1.26.8

require go.temporal.io/sdk v1.51.0 // indirect
