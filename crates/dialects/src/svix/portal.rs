//! Portal access: tokens by which a customer sees its own application.

pub(super) mod access;
pub(super) mod logout;
