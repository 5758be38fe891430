//! Rules that the source, the chart and the documentation keep.

mod chart;
mod crds;
mod documentation;
mod fields;
mod imports;
mod links;
mod reference;
mod sizes;
mod source;
