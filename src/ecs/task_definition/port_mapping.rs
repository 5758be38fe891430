//! Port mappings of a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::{PORT_NAME_PATTERN, ecs_enum};

/// Port, or range of ports, of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortMapping {
    /// Port in the container, 1 to 65535. Excludes `containerPortRange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub container_port: Option<i32>,
    /// Port on the instance. `bridge`: 0 or absent for a free port. `awsvpc` and `host`: absent or the container port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub host_port: Option<i32>,
    /// Transport protocol. Default `tcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<TransportProtocol>,
    /// Name that Service Connect and VPC Lattice refer to. At most 64 of a-z, 0-9, `_` and `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = PORT_NAME_PATTERN))]
    pub name: Option<String>,
    /// Application protocol of the port. Default: plain TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<ApplicationProtocol>,
    /// Range of ports as `first-last`. Only in `bridge` and `awsvpc` mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port_range: Option<String>,
}

ecs_enum! {
    /// Transport protocol of a port.
    pub enum TransportProtocol {
        /// TCP.
        #[default]
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

ecs_enum! {
    /// Application protocol of a port.
    pub enum ApplicationProtocol {
        /// HTTP/1.
        #[default]
        Http = "http",
        /// HTTP/2.
        Http2 = "http2",
        /// gRPC.
        Grpc = "grpc",
    }
}
