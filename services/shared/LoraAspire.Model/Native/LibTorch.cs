using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace LoraAspire.Model.Native;

/// <summary>
/// Which libtorch this process computes with: the one beside the application, or the one in the folder that
/// <c>LORA_LIBTORCH</c> names (for example the <c>torch/lib</c> of a Python install with CUDA).
/// </summary>
public static class LibTorch
{
    public const string Variable = "LORA_LIBTORCH";

    // Each after what it depends on. TorchSharp's own library asks for the last one and the first two by their file names.
    private static readonly string[] s_cpu = [Library("c10"), Library("torch_cpu")];
    private static readonly string[] s_cuda = [Library("c10_cuda"), Library("torch_cuda")];

    private static readonly Lock s_lock = new();
    private static bool s_loaded;

    /// <summary>Call once, before the first use of TorchSharp. Does nothing the second time.</summary>
    /// <exception cref="LibTorchException">The folder lacks libraries, they do not load, or there is no libtorch at all.</exception>
    public static void Load()
    {
        lock (s_lock)
        {
            if (s_loaded)
            {
                return;
            }
            // A thread that spins at a barrier holds the core that another process's thread, or the one it waits for, could use: on a busy
            // machine training fell to a tenth and less.
            NativeProcess.SetVariable("OMP_WAIT_POLICY", "passive", overwrite: false);
            // Micro-batches differ in size: blocks that can't grow would leave gaps between them.
            NativeProcess.SetVariable("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True", overwrite: false);
            if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder)
            {
                LoadFrom(folder);
            }
            else
            {
                InitializeTorchSharp(
                    $"No libtorch beside the application ({AppContext.BaseDirectory}), and {Variable} is not set. " +
                    $"Build with -p:Torch=cpu, or set {Variable} to the lib folder of a PyTorch install, for example " +
                    "$(python3 -c 'import torch; print(torch.__path__[0])')/lib");
            }
            s_loaded = true;
        }
    }

    /// <summary>Whether a library of the loaded libtorch has a function.</summary>
    internal static bool Has(string library, string function)
    {
        return NativeLibrary.TryLoad(Path.Combine(Folder, Library(library)), out var handle)
            && NativeLibrary.TryGetExport(handle, function, out _);
    }

    private static string Folder => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder ? Path.GetFullPath(folder)
        : AppContext.BaseDirectory;

    /// <summary>The runtime compiler beside the loaded libtorch, by the library that links it under whatever name it has there.</summary>
    /// <exception cref="ModelException">There is none.</exception>
    internal static nint Nvrtc()
    {
        var path = Path.Combine(Folder, Library("caffe2_nvrtc"));
        return NativeLibrary.TryLoad(path, out var handle) ? handle
            : throw new ModelException($"{path} does not load: it belongs to every libtorch with CUDA.");
    }

    private static void LoadFrom(string folder)
    {
        string[] wanted = [.. s_cpu, .. File.Exists(Path.Combine(folder, s_cuda[^1])) ? s_cuda : [], Library("torch")];
        var missing = wanted.Where(name => !File.Exists(Path.Combine(folder, name))).ToArray();
        if (missing.Length > 0)
        {
            throw new LibTorchException(
                $"{Variable}={folder}: " + (Directory.Exists(folder) ? $"no {string.Join(", ", missing)} in this folder" : "no such folder")
                    +
                ". It must be the lib folder of a libtorch or PyTorch install.");
        }
        RequireNoOther(folder);
        var handles = wanted.ToDictionary(name => name, name => LoadOne(Path.GetFullPath(Path.Combine(folder, name))));

        // Our own imports of libtorch's C interface, which nothing beside the application could satisfy.
        NativeLibrary.SetDllImportResolver(typeof(LibTorch).Assembly, (name, _, _) => handles.GetValueOrDefault(Library(name)));

        InitializeTorchSharp(
            $"{Variable}={folder}: TorchSharp {typeof(torch).Assembly.GetName().Version} does not work with this libtorch; it is built "
                + "for libtorch 2.10.");
    }

    /// <summary>What this system calls the file of a library.</summary>
    private static string Library(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    /// <summary>
    /// TorchSharp's loader prefers what lies beside the application to what is resident, and a second libtorch in one process aborts it.
    /// </summary>
    private static void RequireNoOther(string folder)
    {
        var beside = Path.Combine(AppContext.BaseDirectory, s_cpu[^1]);
        if (File.Exists(beside) && Target(beside) != Target(Path.Combine(folder, s_cpu[^1])))
        {
            throw new LibTorchException(
                $"{Variable}={folder}, but this program was built with a libtorch of its own: {beside}. Build again with {Variable} set "
                    + "(or with -p:Torch=none): the build then leaves it out.");
        }
    }

    /// <summary>Links beside the application to the libraries of that very folder are no second libtorch.</summary>
    private static string Target(string path) =>
        new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);

    private static nint LoadOne(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException exception)
        {
            throw new LibTorchException(
                $"{path} does not load: {exception.Message.Trim()} If a CUDA library is missing, put the nvidia/*/lib folders of that "
                    + "install on LD_LIBRARY_PATH.", exception);
        }
    }

    private static void InitializeTorchSharp(string problem)
    {
        try
        {
            RuntimeHelpers.RunClassConstructor(typeof(torch).TypeHandle);
        }
        catch (TypeInitializationException exception)
        {
            throw new LibTorchException(problem, exception.InnerException);
        }
    }
}

/// <summary>libtorch cannot be loaded; the message says why and what to do.</summary>
public sealed class LibTorchException(string message, Exception? inner = null) : Exception(message, inner);
