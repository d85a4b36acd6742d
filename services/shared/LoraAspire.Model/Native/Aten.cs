using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>
/// ATen operators that TorchSharp does not bind, called through libtorch's C interface (torch/csrc/stable/c/shim.h): arguments and results
/// travel as 64-bit slots on a stack. No autograd graph is made when the caller holds <c>no_grad</c>.
/// </summary>
internal static unsafe class Aten
{
    /// <summary>The interface's version: libtorch 2.10, in the layout (major &lt;&lt; 56 | minor &lt;&lt; 48).</summary>
    private const ulong Abi = (2UL << 56) | (10UL << 48);

    /// <summary>One argument of an operator, as its slot is to be filled.</summary>
    /// <param name="IsOptional">It is of an optional type and given.</param>
    public readonly record struct Argument(Tensor? Tensor, ulong Bits, bool IsOptional = false)
    {
        public static implicit operator Argument(Tensor tensor) => new(tensor, 0);
        public static implicit operator Argument(long value) => new(null, (ulong)value);
        public static implicit operator Argument(double value) => new(null, BitConverter.DoubleToUInt64Bits(value));
        public static implicit operator Argument(bool value) => new(null, value ? 1UL : 0UL);

        /// <summary>An optional argument that is left out.</summary>
        public static Argument None => default;

        /// <summary>An optional integer that is given.</summary>
        public static Argument Some(long value) => new(null, (ulong)value, IsOptional: true);

        /// <summary>An optional tensor.</summary>
        public static Argument Some(Tensor tensor) => new(tensor, 0, IsOptional: true);

        /// <summary>A list of tensors; it may be empty.</summary>
        public static Argument List(IReadOnlyList<Tensor> tensors) => new(null, 0) { Tensors = tensors };

        private IReadOnlyList<Tensor>? Tensors { get; init; }

        /// <summary>What lies in the slot. libtorch takes it over: the handle, of an optional one the cell that it lies in, and a list with
        /// its handles.</summary>
        internal ulong Slot()
        {
            if (Tensors is { } tensors)
            {
                return NewList(tensors);
            }
            var bits = Tensor is { } tensor ? Handle(tensor) : Bits;
            if (!IsOptional)
            {
                return bits;
            }
            var cell = (ulong*)NativeMemory.Alloc(sizeof(ulong));
            *cell = bits;
            return (ulong)cell;
        }
    }

    /// <summary>Calls an operator whose results are all tensors, and which changes none of its arguments.</summary>
    /// <param name="name">With its namespace, and behind a point its overload where that has a name: aten::mm, aten::mm.dtype.</param>
    /// <exception cref="ModelException">It failed; the message has libtorch's own words.</exception>
    public static Tensor[] Call(string name, int results, params ReadOnlySpan<Argument> arguments)
    {
        Argument[] given = [.. arguments];
        var stack = new ulong[Math.Max(results, given.Length)];
        if (!TryCall(name, given, stack))
        {
            // The interface gives no reason, only a line on standard error: it is asked again while somebody reads there.
            var failed = true;
            var words = StandardError.During(() => failed = !TryCall(name, given, stack));
            if (failed)
            {
                throw new ModelException($"libtorch could not run {name}: {Reason(words)}");
            }
        }
        var tensors = new Tensor[results];
        for (var i = 0; i < results; i++)
        {
            tensors[i] = Tensor.UnsafeCreateTensor((nint)stack[i]);
        }
        return tensors;
    }

    /// <summary>Calls an operator that gives nothing and changes its arguments.</summary>
    /// <exception cref="ModelException">It failed; why stands on standard error, since it can't be asked again: what it has changed until
    /// then it would change twice.</exception>
    public static void Change(string name, params ReadOnlySpan<Argument> arguments)
    {
        Argument[] given = [.. arguments];
        if (!TryCall(name, given, new ulong[given.Length]))
        {
            throw new ModelException($"libtorch could not run {name}; its reason stands on standard error.");
        }
    }

    private static bool TryCall(string name, Argument[] arguments, ulong[] stack)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            stack[i] = arguments[i].Slot();
        }
        var parts = name.Split('.');
        var named = parts.Length > 1 ? parts[1] : "";
        fixed (byte* symbol = Encoding.UTF8.GetBytes(parts[0] + '\0'), overload = Encoding.UTF8.GetBytes(named + '\0'))
        fixed (ulong* slots = stack)
        {
            return torch_call_dispatcher(symbol, overload, slots, Abi) == 0;
        }
    }

    /// <summary>The exception's own words, without where in libtorch it was thrown.</summary>
    internal static string Reason(string words)
    {
        var lines = words.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.Length == 0 ? "it gave no reason."
            : string.Join(' ',
                lines.TakeWhile(
                    (line, at) => at == 0 || !line.StartsWith("frame #", StringComparison.Ordinal)
                        && !line.StartsWith("Exception raised from", StringComparison.Ordinal)));
    }

    /// <summary>Where the first element lies, on the device the tensor is on.</summary>
    public static nint Data(Tensor tensor) =>
        aoti_torch_get_data_ptr(tensor.Handle, out var pointer) == 0 ? pointer
            : throw new ModelException("libtorch returned no address for a tensor.");

    /// <summary>The numbers of a contiguous float32 tensor on the CPU where they lie, for as long as it isn't disposed.</summary>
    public static unsafe Span<float> Numbers(this Tensor tensor) =>
        tensor.dtype == ScalarType.Float32 && tensor.device_type == TorchSharp.DeviceType.CPU && tensor.is_contiguous()
            ? new((float*)Data(tensor), checked((int)tensor.NumberOfElements))
            : throw new InvalidOperationException($"No contiguous float32 tensor on the CPU, but {tensor.dtype} on {tensor.device}.");

    private static ulong Handle(Tensor tensor) =>
        aoti_torch_new_tensor_handle(tensor.Handle, out var handle) == 0 ? (ulong)handle
            : throw new ModelException("libtorch returned no handle for a tensor.");

    private static ulong NewList(IReadOnlyList<Tensor> tensors)
    {
        var failed = torch_new_list_reserve_size((nuint)tensors.Count, out var list);
        for (var i = 0; failed == 0 && i < tensors.Count; i++)
        {
            failed = torch_list_push_back(list, Handle(tensors[i]));
        }
        return failed == 0 ? (ulong)list : throw new ModelException("libtorch returned no list for tensors.");
    }

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int torch_new_list_reserve_size(nuint size, out nint list);

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int torch_list_push_back(nint list, ulong element);

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int torch_call_dispatcher(byte* name, byte* overload, ulong* stack, ulong abi);

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int aoti_torch_new_tensor_handle(nint tensor, out nint handle);

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int aoti_torch_get_data_ptr(nint tensor, out nint pointer);
}
