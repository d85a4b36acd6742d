using System.IO.MemoryMappedFiles;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>One tensor where it lies in its file, row after row, readable until this is disposed.</summary>
public sealed unsafe class MappedTensor : IDisposable
{
    private readonly MemoryMappedViewAccessor _view;

    internal MappedTensor(MemoryMappedFile file, TensorEntry entry)
    {
        Dtype = entry.Dtype;
        _view = file.CreateViewAccessor(entry.Offset, entry.Length, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        Address = (nint)start + (nint)_view.PointerOffset;
    }

    public ScalarType Dtype { get; }

    public nint Address { get; }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
    }
}
