//! Every method, and every field of its request, from the descriptors that the services are made from: a new one is tried
//! like the others.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// A field that is no message, by the numbers that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub(crate) path: Vec<u32>,
    pub(crate) name: String,
    pub(crate) kind: Type,
}

/// A method, with all leaves of its request.
pub(crate) struct Method {
    /// `/service/method`.
    pub(crate) path: String,
    pub(crate) leaves: Vec<Leaf>,
}

/// All methods of a coordinator and a worker.
pub(crate) fn methods() -> Vec<Method> {
    let sets = [
        aquifer_proto::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    ];
    let files: Vec<_> =
        sets.iter().flat_map(|set| FileDescriptorSet::decode(*set).expect("descriptors").file).collect();
    let mut messages = BTreeMap::new();
    for file in &files {
        for message in &file.message_type {
            add(&mut messages, &format!(".{}", file.package()), message);
        }
    }
    let mut methods = BTreeMap::new();
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let mut leaves = Vec::new();
                walk(&messages, method.input_type(), &mut Vec::new(), "", &mut leaves);
                methods.insert(path.clone(), Method { path, leaves });
            }
        }
    }
    methods.into_values().collect()
}

fn add(messages: &mut BTreeMap<String, DescriptorProto>, within: &str, message: &DescriptorProto) {
    let name = format!("{within}.{}", message.name());
    message.nested_type.iter().for_each(|nested| add(messages, &name, nested));
    messages.insert(name, message.clone());
}

fn walk(
    messages: &BTreeMap<String, DescriptorProto>,
    message: &str,
    path: &mut Vec<u32>,
    name: &str,
    leaves: &mut Vec<Leaf>,
) {
    for field in &messages[message].field {
        path.push(field.number() as u32);
        let name = format!("{name}.{}", field.name());
        match field.r#type() {
            // No message of ours holds itself; one that did would be tried two levels deep.
            Type::Message if path.len() < 8 => walk(messages, field.type_name(), path, &name, leaves),
            kind => leaves.push(Leaf { path: path.clone(), name, kind }),
        }
        path.pop();
    }
}

#[test]
fn every_field_is_found_however_deep_it_lies() {
    let methods = methods();
    let leaves = |path: &str| &methods.iter().find(|method| method.path.ends_with(path)).expect(path).leaves;
    let names = |path: &str| leaves(path).iter().map(|leaf| leaf.name.as_str()).collect::<Vec<_>>();
    assert!(names("Jobs/Submit").contains(&".train.validation.files.partitions.value"));
    assert!(names("Membership/Session").contains(&".trial_failed.failure.report_json"));
    assert!(names("Peer/Exchange").contains(&".parts.values"));
    assert_eq!(names("Jobs/Upload"), [".data"]);
    assert!(methods.len() > 20 && names("Jobs/Status").is_empty());
}
