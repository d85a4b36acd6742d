using LoraAspire.Dashboard.Layout;
using LoraAspire.Dashboard.Resources;
using LoraAspire.Dashboard.Security;
using MudBlazor.Services;

var builder = WebApplication.CreateBuilder(args);

// The component kit's files lie in its package until publish, whatever the environment is called.
builder.WebHost.UseStaticWebAssets();
builder.AddServiceDefaults();
builder.Services.AddResourceService();
builder.Services.AddLocalOnly();
builder.Services.AddMudServices();
builder.Services.AddRazorComponents().AddInteractiveServerComponents();

var app = builder.Build();

app.UseLocalOnly();
app.UseAntiforgery();
app.MapDefaultEndpoints();
app.MapStaticAssets();
app.MapRazorComponents<App>().AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = null);

app.Run();
