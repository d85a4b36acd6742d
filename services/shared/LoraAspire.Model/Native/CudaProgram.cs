using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace LoraAspire.Model.Native;

/// <summary>
/// CUDA C++ compiled at run time for the GPU at hand, by the NVRTC that comes with every CUDA libtorch, and launched on the default stream,
/// where libtorch's own work runs.
/// </summary>
internal sealed unsafe class CudaProgram
{
    private const int UsualSharedBytes = 48 << 10;
    private const int MaxDynamicSharedBytes = 8; // CUfunction_attribute

    private readonly nint _module;
    private readonly ConcurrentDictionary<string, nint> _functions = new(StringComparer.Ordinal);
    private readonly nint _driver = NativeLibrary.Load("libcuda.so.1");
    private readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> _launch;

    /// <exception cref="ModelException">NVRTC is missing, or the source does not compile; the message holds its log.</exception>
    public CudaProgram(string source, string name, params IReadOnlyList<string> options)
    {
        // A thread has the device's context once libtorch has worked on the device in it.
        TorchSharp.torch.empty([1], device: TorchSharp.torch.CUDA).Dispose();
        _launch = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)NativeLibrary.GetExport(
            _driver, "cuLaunchKernel");
        var image = Compile(source, name, [$"--gpu-architecture=sm_{CudaDevice.Architecture()}", .. options]);
        var load = (delegate* unmanaged<nint*, byte*, int>)NativeLibrary.GetExport(_driver, "cuModuleLoadData");
        fixed (byte* start = image)
        fixed (nint* module = &_module)
        {
            Check(load(module, start), "cuModuleLoadData");
        }
    }

    /// <param name="grid">Blocks in x and y.</param>
    /// <param name="arguments">One 8-byte slot each: an address, a long, or an int or float in the low half.</param>
    /// <param name="last">An argument of another size, or null.</param>
    /// <param name="sharedBytes">Of shared memory, beside what the kernel declares; of one kernel always the same.</param>
    public void Launch(string kernel, (long X, long Y) grid, int block, ReadOnlySpan<ulong> arguments, void* last = null,
        int sharedBytes = 0)
    {
        var function = sharedBytes <= UsualSharedBytes ? Function(kernel)
            : _functions.GetOrAdd(kernel, static (kernel, own) => own.Program.Find(kernel, own.Bytes), (Program: this, Bytes: sharedBytes));
        var slots = stackalloc ulong[arguments.Length];
        arguments.CopyTo(new Span<ulong>(slots, arguments.Length));
        var pointers = stackalloc void*[arguments.Length + 1];
        for (var i = 0; i < arguments.Length; i++)
        {
            pointers[i] = slots + i;
        }
        pointers[arguments.Length] = last;
        Check(_launch(function, (uint)grid.X, (uint)grid.Y, 1, (uint)block, 1, 1, (uint)sharedBytes, 0, pointers, null), kernel);
    }

    /// <summary>The driver's handle of a kernel, for any thread.</summary>
    /// <exception cref="ModelException">The source has no such kernel.</exception>
    public nint Function(string kernel) => _functions.GetOrAdd(kernel, static (kernel, program) => program.Find(kernel), this);

    /// <summary>Where more shared memory is wanted than any kernel may have.</summary>
    private nint Find(string kernel, int sharedBytes)
    {
        var function = Find(kernel);
        var set = (delegate* unmanaged<nint, int, int, int>)NativeLibrary.GetExport(_driver, "cuFuncSetAttribute");
        Check(set(function, MaxDynamicSharedBytes, sharedBytes), kernel);
        return function;
    }

    private nint Find(string kernel)
    {
        var find = (delegate* unmanaged<nint*, nint, byte*, int>)NativeLibrary.GetExport(_driver, "cuModuleGetFunction");
        nint function;
        fixed (byte* symbol = Encoding.UTF8.GetBytes(kernel + '\0'))
        {
            Check(find(&function, _module, symbol), kernel);
        }
        return function;
    }

    /// <summary>One of the .cu files that this assembly holds.</summary>
    public static string Source(string name)
    {
        using StreamReader reader = new(typeof(CudaProgram).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    private static byte[] Compile(string source, string name, string[] options)
    {
        var library = LibTorch.Nvrtc();
        nint Export(string symbol) => NativeLibrary.GetExport(library, symbol);
        var create = (delegate* unmanaged<nint*, byte*, byte*, int, nint, nint, int>)Export("nvrtcCreateProgram");
        var compile = (delegate* unmanaged<nint, int, byte**, int>)Export("nvrtcCompileProgram");
        nint created;
        fixed (byte* text = Encoding.UTF8.GetBytes(source + '\0'), title = Encoding.UTF8.GetBytes(name + '\0'), all =
            Encoding.UTF8.GetBytes(string.Concat(options.Select(option => option + '\0'))))
        {
            Check(create(&created, text, title, 0, 0, 0), "nvrtcCreateProgram");
            var flags = stackalloc byte*[options.Length];
            for (int i = 0, at = 0; i < options.Length; at += Encoding.UTF8.GetByteCount(options[i++]) + 1)
            {
                flags[i] = all + at;
            }
            if (compile(created, options.Length, flags) != 0)
            {
                var log = Encoding.UTF8.GetString(Read(created, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog"));
                throw new ModelException($"{name} does not compile with {string.Join(' ', options)}:\n{log}");
            }
        }
        var image = Read(created, "nvrtcGetCUBINSize", "nvrtcGetCUBIN");
        Check(((delegate* unmanaged<nint*, int>)Export("nvrtcDestroyProgram"))(&created), "nvrtcDestroyProgram");
        return image;

        byte[] Read(nint program, string size, string get)
        {
            nuint length;
            Check(((delegate* unmanaged<nint, nuint*, int>)Export(size))(program, &length), size);
            var bytes = new byte[length];
            fixed (byte* start = bytes)
            {
                Check(((delegate* unmanaged<nint, byte*, int>)Export(get))(program, start), get);
            }
            return bytes;
        }
    }

    /// <exception cref="ModelException">The code isn't 0.</exception>
    public static void Check(int code, string what)
    {
        if (code != 0)
        {
            throw new ModelException($"CUDA: {what} failed with code {code}.");
        }
    }
}
