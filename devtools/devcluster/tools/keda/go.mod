// KEDA's definitions of its kinds, pinned; nothing of KEDA is built.
module ecs-operator.dev/devcluster/tools/keda

go 1.26.0

require github.com/kedacore/keda/v2 v2.21.0
