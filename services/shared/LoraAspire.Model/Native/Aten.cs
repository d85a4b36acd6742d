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
    public readonly record struct Argument(Tensor? Tensor, ulong Bits)
    {
        public static implicit operator Argument(Tensor tensor) => new(tensor, 0);
        public static implicit operator Argument(long value) => new(null, (ulong)value);
        public static implicit operator Argument(double value) => new(null, BitConverter.DoubleToUInt64Bits(value));
        public static implicit operator Argument(bool value) => new(null, value ? 1UL : 0UL);

        /// <summary>An optional argument that is left out.</summary>
        public static Argument None => default;

        /// <summary>An optional integer that is given; libtorch frees the cell it lies in.</summary>
        public static Argument Some(long value)
        {
            var cell = (ulong*)NativeMemory.Alloc(sizeof(ulong));
            *cell = (ulong)value;
            return new(null, (ulong)cell);
        }

        /// <summary>An optional tensor.</summary>
        public static Argument Some(Tensor tensor)
        {
            var cell = (ulong*)NativeMemory.Alloc(sizeof(ulong));
            *cell = Handle(tensor);
            return new(null, (ulong)cell);
        }
    }

    /// <summary>Calls an operator whose results are all tensors.</summary>
    /// <exception cref="ModelException">It failed; libtorch has written why to stderr.</exception>
    public static Tensor[] Call(string name, int results, params ReadOnlySpan<Argument> arguments)
    {
        var stack = stackalloc ulong[Math.Max(results, arguments.Length)];
        for (var i = 0; i < arguments.Length; i++)
        {
            stack[i] = arguments[i].Tensor is { } tensor ? Handle(tensor) : arguments[i].Bits;
        }
        fixed (byte* symbol = Encoding.UTF8.GetBytes(name + '\0'))
        {
            byte overload = 0;
            if (torch_call_dispatcher(symbol, &overload, stack, Abi) != 0)
            {
                throw new ModelException($"libtorch could not run {name}; the line above says why.");
            }
        }
        var tensors = new Tensor[results];
        for (var i = 0; i < results; i++)
        {
            tensors[i] = Tensor.UnsafeCreateTensor((nint)stack[i]);
        }
        return tensors;
    }

    /// <summary>Where the first element lies, on the device the tensor is on.</summary>
    public static nint Data(Tensor tensor) =>
        aoti_torch_get_data_ptr(tensor.Handle, out var pointer) == 0 ? pointer : throw new ModelException("libtorch gave no address for a tensor.");

    private static ulong Handle(Tensor tensor) =>
        aoti_torch_new_tensor_handle(tensor.Handle, out var handle) == 0 ? (ulong)handle : throw new ModelException("libtorch gave no handle for a tensor.");

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int torch_call_dispatcher(byte* name, byte* overload, ulong* stack, ulong abi);

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int aoti_torch_new_tensor_handle(nint tensor, out nint handle);

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int aoti_torch_get_data_ptr(nint tensor, out nint pointer);
}
