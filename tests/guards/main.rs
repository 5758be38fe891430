//! Rules of the source tree, the chart and the documentation.

mod chart;
mod crds;
mod documentation;
mod fields;
mod imports;
mod links;
mod prose;
mod sizes;
mod source;
