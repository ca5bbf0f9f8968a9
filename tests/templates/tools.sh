#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The templates under the tools of their own worlds, as far as they are here: cfn-lint, terraform fmt.
# (terraform validate would have to download providers.)
set -eu

top=${top_srcdir:-.}
missing=
if command -v cfn-lint >/dev/null && cfn-lint --version >/dev/null 2>&1; then
	cfn-lint "$top/conf/aws/cloudformation.yaml"
else
	missing=cfn-lint
fi
if command -v terraform >/dev/null; then
	terraform fmt -check -diff "$top/conf/aws/terraform"
else
	missing="$missing terraform"
fi
[ -z "$missing" ] || { echo "not here: $missing"; exit 77; }
