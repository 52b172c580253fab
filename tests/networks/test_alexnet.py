from tfqnoise import networks
from tfqnoise.networks import cost


def test_counts():
    network = networks.get("alexnet")((32, 32, 3), 10)
    kernels = 25 * 3 * 64 + 25 * 64 * 192 + 9 * (192 * 384 + 384 * 256 + 256 * 256) + 2 * 4096 * 4096 + 4096 * 10
    biases = 64 + 192 + 384 + 256 + 256 + 4096 + 4096 + 10
    assert cost.parameters(network) == kernels + biases == 36_054_858
    assert cost.macs(network) == 253_992_960
    assert cost.parameters(networks.get("alexnet", width=0.25)((32, 32, 3), 10)) == 2_263_770
