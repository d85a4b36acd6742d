using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Devices;

/// <summary>
/// Tensors on NVIDIA GPUs of one machine, by NCCL: sums on the default stream, where libtorch works; gathering on a stream beside it.
/// Multicast over NVLink stays off: a process that dies within it can take the machine's switch along.
/// </summary>
public sealed unsafe class NcclCollective : ICollective
{
    private const string NoMulticast = "NCCL_NVLS_ENABLE";

    private readonly nint _communicator;
    private readonly SideStream _side;
    private int _ended;

    /// <summary>Returns when all have come.</summary>
    /// <param name="ring">Hands everybody what NCCL finds together by.</param>
    /// <exception cref="IOException">NCCL failed, or another process is gone.</exception>
    /// <exception cref="ModelException">There is no NCCL.</exception>
    public NcclCollective(Ring ring)
    {
        Share = ring.Share;
        NativeProcess.SetVariable(NoMulticast, "0", overwrite: true);
        empty([1], device: CUDA).Dispose(); // gives this thread the device
        try
        {
            Nccl.UniqueId id = default;
            if (ring.Share.Rank == 0)
            {
                Nccl.Check(Nccl.GetUniqueId(out id), "making an id");
            }
            ring.Broadcast(id.Bytes, Nccl.UniqueId.Length);
            Nccl.Check(Nccl.Join(out _communicator, ring.Share.Count, id, ring.Share.Rank), "finding together");
        }
        catch (DllNotFoundException error)
        {
            throw new ModelException($"{error.Message.Split('\n')[0]} Several GPUs need NCCL (libnccl.so.2), which comes with PyTorch's "
                + "CUDA packages: put its folder on LD_LIBRARY_PATH, or set devices: 1.", error);
        }
        _side = new SideStream();
    }

    public Share Share { get; }

    public void Sum(Tensor values) => Call(() => Nccl.AllReduce(Aten.Data(values), Aten.Data(values), (nuint)values.numel(), Nccl.Float32,
        Nccl.Sum, _communicator, stream: 0), "a sum");

    public void Broadcast(Tensor values) => Call(() => Nccl.Broadcast(Aten.Data(values), Aten.Data(values), (nuint)values.numel(),
        Nccl.Float32, root: 0, _communicator, stream: 0), "a broadcast");

    public void BeginGather(Tensor part, Tensor whole)
    {
        _side.WaitForDefault();
        Call(() => Nccl.AllGather(Aten.Data(part), Aten.Data(whole), (nuint)(part.numel() * part.element_size()), Nccl.Int8, _communicator,
            _side.Stream), "gathering");
    }

    public void EndGather() => _side.LetDefaultWait();

    public void Abort()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            _ = Nccl.Abort(_communicator);
        }
    }

    private void Call(Func<int> call, string what)
    {
        if (Volatile.Read(ref _ended) != 0)
        {
            throw new IOException("NCCL: the group of devices has ended.");
        }
        Nccl.Check(call(), what);
    }

    /// <summary>Without waiting for the others: what was to be computed has been read by now.</summary>
    public void Dispose()
    {
        Abort();
        _side.Dispose();
    }
}
