//! Exports the network of a policy as an ONNX model, for runtimes and tools other than ours.
//!
//! Inputs are `rows` (`n x WIDTH`, the features of `n` backends, as they are observed) and `prior` (`n`); the output
//! `scores` (`n`) is what a load balancer compares. Normalisation is part of the model, the guards are not, nor is the way
//! scores become picks: the metadata name it. The set of features and the hash of the policy are there as well.
//!
//! The model consists of operators of opset 17: `Clip((rows - mean) x scale)`, three times `Gemm` with `LeakyRelu` between
//! them, and the prior is added.

mod proto;

use lb_core::policy::PolicyFile;
use lb_core::policy::learned::network::{HIDDEN, LEAK};
use lb_core::policy::learned::{ActionMode, FEATURE_SET, FEATURES, WIDTH};
use prost::Message;
use proto::{
    Attribute, Dimension, Entry, FLOAT, FLOAT_ATTRIBUTE, Graph, INT64, Length, Model, Node, OperatorSet,
    Shape, Tensor, TensorType, Type, Value,
};

/// Version of the intermediate representation, the one of ONNX 1.12, which brought opset 17.
const IR_VERSION: i64 = 8;

/// Version of the set of operators.
const OPSET: i64 = 17;

/// Encodes a policy as the bytes of an ONNX file.
pub fn encode(policy: &PolicyFile) -> Vec<u8> {
    model(policy).encode_to_vec()
}

fn model(policy: &PolicyFile) -> Model {
    Model {
        ir_version: IR_VERSION,
        producer_name: "rl-train".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: "Scores of backends: the highest is best.".to_owned(),
        graph: Some(graph(policy)),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata(policy),
    }
}

fn metadata(policy: &PolicyFile) -> Vec<Entry> {
    let mode = match policy.action.mode {
        ActionMode::Argmax => "argmax",
        ActionMode::Softmax => "softmax",
    };
    [
        ("feature_set", FEATURE_SET.to_owned()),
        ("features", FEATURES.join(",")),
        ("action.mode", mode.to_owned()),
        ("action.temperature", policy.action.temperature.to_string()),
        ("action.max_candidates", policy.action.max_candidates.to_string()),
        ("policy_sha256", policy.sha256.clone()),
    ]
    .map(|(key, value)| Entry { key: key.to_owned(), value })
    .into()
}

fn graph(policy: &PolicyFile) -> Graph {
    let network = &policy.network;
    let (width, hidden) = (WIDTH as i64, HIDDEN as i64);
    let gemm = |inputs: [&str; 3], output: &str| node("Gemm", &inputs, output);
    let leaky = |input: &str, output: &str| {
        let alpha = Attribute { name: "alpha".to_owned(), f: LEAK, kind: FLOAT_ATTRIBUTE };
        Node { attribute: vec![alpha], ..node("LeakyRelu", &[input], output) }
    };
    Graph {
        name: "policy".to_owned(),
        node: vec![
            node("Sub", &["rows", "mean"], "centred"),
            node("Mul", &["centred", "scale"], "scaled"),
            node("Clip", &["scaled", "low", "high"], "normal"),
            gemm(["normal", "scorer.0.weight", "scorer.0.bias"], "first"),
            leaky("first", "first_active"),
            gemm(["first_active", "scorer.1.weight", "scorer.1.bias"], "second"),
            leaky("second", "second_active"),
            gemm(["second_active", "scorer.2.weight", "scorer.2.bias"], "third"),
            node("Squeeze", &["third", "last_axis"], "network"),
            node("Add", &["network", "prior"], "scores"),
        ],
        initializer: vec![
            floats("mean", &[width], &network.mean),
            floats("scale", &[width], &network.scale),
            floats("low", &[], &[-network.clip]),
            floats("high", &[], &[network.clip]),
            floats("scorer.0.weight", &[width, hidden], network.first.as_flattened()),
            floats("scorer.0.bias", &[hidden], &network.biases.0),
            floats("scorer.1.weight", &[hidden, hidden], network.second.as_flattened()),
            floats("scorer.1.bias", &[hidden], &network.biases.1),
            floats("scorer.2.weight", &[hidden, 1], &network.third),
            floats("scorer.2.bias", &[1], &[network.biases.2]),
            Tensor {
                dims: vec![1],
                data_type: INT64,
                name: "last_axis".to_owned(),
                raw_data: 1_i64.to_le_bytes().into(),
            },
        ],
        input: vec![value("rows", &[backends(), Length::Fixed(width)]), value("prior", &[backends()])],
        output: vec![value("scores", &[backends()])],
    }
}

/// The dimension that has the length of the pool.
fn backends() -> Length {
    Length::Named("backends".to_owned())
}

/// Makes a node that is named like its output.
fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: operator.to_owned(),
        attribute: Vec::new(),
    }
}

fn floats(name: &str, dims: &[i64], numbers: &[f32]) -> Tensor {
    debug_assert_eq!(dims.iter().product::<i64>(), numbers.len() as i64, "{name}: one number per place");
    Tensor {
        dims: dims.to_vec(),
        data_type: FLOAT,
        name: name.to_owned(),
        raw_data: numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
    }
}

fn value(name: &str, dims: &[Length]) -> Value {
    let dim = dims.iter().map(|length| Dimension { length: Some(length.clone()) }).collect();
    let tensor = TensorType { elem_type: FLOAT, shape: Some(Shape { dim }) };
    Value { name: name.to_owned(), kind: Some(Type { tensor: Some(tensor) }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::policy::learned::{Action, Network};
    use std::collections::BTreeSet;

    fn policy() -> PolicyFile {
        let mut network = Network::zero();
        network.first[1][2] = 0.5;
        network.third[3] = -0.25;
        PolicyFile::new(network, Action::default())
    }

    #[test]
    fn every_input_of_a_node_is_there_before_it() {
        let graph = graph(&policy());
        let mut known: BTreeSet<&str> = graph.input.iter().map(|value| value.name.as_str()).collect();
        known.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
        for node in &graph.node {
            for input in &node.input {
                assert!(known.contains(input.as_str()), "{}: `{input}` is known", node.op_type);
            }
            known.extend(node.output.iter().map(String::as_str));
        }
        assert!(known.contains("scores"), "and so is the result");
    }

    #[test]
    fn a_model_can_be_read_again_with_the_numbers_of_the_network() {
        let policy = policy();
        let read = Model::decode(encode(&policy).as_slice()).expect("it is a protocol buffer");
        assert_eq!(read, model(&policy));
        let tensors = read.graph.expect("a graph").initializer;
        let numbers = |name: &str| -> Vec<f32> {
            let tensor = tensors.iter().find(|tensor| tensor.name == name).expect("it is there");
            let bytes = tensor.raw_data.chunks_exact(4);
            bytes.map(|four| f32::from_le_bytes(four.try_into().expect("four bytes"))).collect()
        };
        assert_eq!(numbers("scorer.0.weight")[HIDDEN + 2], 0.5, "input by hidden unit");
        assert_eq!(numbers("scorer.2.weight")[3], -0.25);
        assert_eq!(numbers("scale"), policy.network.scale);
        let said = |key: &str| {
            let entry = read.metadata_props.iter().find(|entry| entry.key == key);
            entry.map(|entry| entry.value.as_str())
        };
        assert_eq!(said("feature_set"), Some(FEATURE_SET));
        assert_eq!(said("policy_sha256"), Some(policy.sha256.as_str()));
    }
}
