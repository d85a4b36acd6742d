using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>Tensors that live and go together.</summary>
public abstract record TensorGroup : IDisposable
{
    /// <summary>All that it holds, tensors and other groups; null where one isn't there.</summary>
    protected abstract IEnumerable<IDisposable?> Parts { get; }

    /// <summary>All outlive the scope that they were made in.</summary>
    public void DetachFromDisposeScope()
    {
        foreach (var part in Parts)
        {
            (part as Tensor)?.DetachFromDisposeScope();
            (part as TensorGroup)?.DetachFromDisposeScope();
        }
    }

    /// <summary>All go to the scope around the present one.</summary>
    public void MoveToOuterDisposeScope()
    {
        foreach (var part in Parts)
        {
            (part as Tensor)?.MoveToOuterDisposeScope();
            (part as TensorGroup)?.MoveToOuterDisposeScope();
        }
    }

    public void Dispose() => DisposeAll(Parts);

    public static void DisposeAll(IEnumerable<IDisposable?> parts)
    {
        foreach (var part in parts)
        {
            part?.Dispose();
        }
    }
}
